import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, setSession, unwrap } from "../api/client"
import { callerQuery } from "../api/session"
import { SignInLayout } from "../brand/SignInLayout"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths, withSearch } from "../paths"
import { outboxTexts } from "../review/outbox/en"
import { countWaiting } from "../review/outboxStore"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { useUrlQuery } from "../ui/urlQuery"
import { signInTexts } from "./en"
import { signInMethodsQuery } from "./queries"
import { getOwnPath, saveReturnTo } from "./returnTo"

export function SignInPage() {
  const [search] = useUrlQuery()
  const [, go] = useLocation()
  const client = useQueryClient()
  const [email, setEmail] = useState("")
  const [password, setPassword] = useState("")
  const [waiting, setWaiting] = useState(0)
  useEffect(() => void countWaiting().then(setWaiting, () => undefined), [])
  const signIn = useMutation({
    meta: { saysItself: true },
    mutationFn: () => unwrap(api.POST("/api/v2/auth/sign-in", { body: { email, password } })),
    onSuccess: (caller) => {
      client.clear()
      setSession(caller)
      client.setQueryData(callerQuery.queryKey, caller)
      go(getOwnPath(search.get("to")) ?? paths.home, { replace: true })
    },
  })
  const { data: ways } = useQuery(signInMethodsQuery)
  const leave = useMutation({
    meta: { saysItself: true },
    mutationFn: () => unwrap(api.POST("/api/v2/auth/oidc/begin")),
    onSuccess: (begun) => {
      saveReturnTo(search.get("to"))
      window.location.assign(begun.url)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate()
  }
  const t = signInTexts
  return (
    <SignInLayout>
      <h1>{t.title}</h1>
      {waiting > 0 && (
        <p className="note" role="status">
          {outboxTexts.atSignIn(waiting)}
        </p>
      )}
      <form className="form" onSubmit={submit}>
        <TextField
          label={t.email}
          type="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <TextField
          label={t.password}
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {signIn.error && <ErrorMessage error={signIn.error} />}
        <Button type="submit" kind="accent" busy={signIn.isPending}>
          {t.go}
        </Button>
        <Link href={withSearch(paths.forgotPassword, { to: search.get("to") })}>{t.forgot}</Link>
      </form>
      {ways?.oidc && (
        <div className="form">
          <Button busy={leave.isPending || leave.isSuccess} onClick={() => leave.mutate()}>
            {t.by(ways.oidc.name)}
          </Button>
          {leave.error && <ErrorMessage error={leave.error} />}
        </div>
      )}
      <p className="soft small">{t.lost}</p>
    </SignInLayout>
  )
}
