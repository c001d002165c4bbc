/** Completes a sign-in with OpenID Connect. The code is removed from the URL immediately. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useEffect, useRef, useState } from "react"
import { useLocation } from "wouter"
import { api, setSession, unwrap } from "../api/client"
import { callerQuery } from "../api/session"
import { SignInLayout } from "../brand/SignInLayout"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { LinkButton } from "../ui/Button"
import { SkeletonRows } from "../ui/feedback"
import { oneTimeLinkTexts, signInTexts } from "./en"
import { consumeReturnTo } from "./returnTo"

export function OidcReturnPage() {
  const [back] = useState(() => new URLSearchParams(window.location.search))
  const [, go] = useLocation()
  const client = useQueryClient()
  const enter = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.POST("/api/v2/auth/oidc", {
          body: {
            state: back.get("state") ?? "",
            code: back.get("code"),
            error: back.get("error"),
          },
        }),
      ),
    onSuccess: (caller) => {
      client.clear()
      setSession(caller)
      client.setQueryData(callerQuery.queryKey, caller)
      go(consumeReturnTo() ?? paths.home, { replace: true })
    },
  })
  // The code is valid once, but in development React runs effects twice.
  const begun = useRef(false)
  const { mutate } = enter
  useEffect(() => {
    if (begun.current) return
    begun.current = true
    window.history.replaceState(null, "", paths.oidcReturn)
    mutate()
  }, [mutate])
  const t = signInTexts
  return (
    <SignInLayout>
      <h1>{enter.error ? t.notSignedIn : oneTimeLinkTexts.signingIn}</h1>
      {enter.error ? <ErrorMessage error={enter.error} /> : <SkeletonRows rows={3} />}
      {enter.error && <LinkButton href={paths.signIn}>{t.back}</LinkButton>}
    </SignInLayout>
  )
}
