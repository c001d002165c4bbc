/** Back from the organisation's sign-in, with a code in the address, which is taken out of it at once. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useEffect, useRef, useState } from "react"
import { useLocation } from "wouter"
import { answer, api, rememberSession } from "../api/client"
import { askCaller } from "../api/queries"
import { Door } from "../brand/Door"
import { takeGoal } from "./goal"
import { paths } from "../paths"
import { LinkButton } from "../ui/Button"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { words } from "../en"

export function OidcReturnPage() {
  const [back] = useState(() => new URLSearchParams(window.location.search))
  const [, go] = useLocation()
  const client = useQueryClient()
  const enter = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      answer(api.POST("/api/v2/auth/oidc", {
        body: { state: back.get("state") ?? "", code: back.get("code"), error: back.get("error") },
      })),
    onSuccess: (caller) => {
      client.clear()
      rememberSession(caller)
      client.setQueryData(askCaller.queryKey, caller)
      go(takeGoal() ?? paths.home, { replace: true })
    },
  })
  // A code works once, and effects run twice while the page is developed.
  const begun = useRef(false)
  const { mutate } = enter
  useEffect(() => {
    if (begun.current) return
    begun.current = true
    window.history.replaceState(null, "", paths.oidcReturn)
    mutate()
  }, [mutate])
  const w = words.signIn
  return (
    <Door>
      <h1>{enter.error ? w.notSignedIn : words.welcome.signingIn}</h1>
      {enter.error ? <Trouble error={enter.error} /> : <SkeletonRows rows={3} />}
      {enter.error && <LinkButton href={paths.signIn}>{w.back}</LinkButton>}
    </Door>
  )
}
