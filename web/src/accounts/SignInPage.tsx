/** Sign in by e-mail and password, or by the organisation where it has an OpenID provider. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { useLocation } from "wouter"
import { answer, api, rememberSession } from "../api/client"
import { askCaller, askWays } from "../api/queries"
import { Door } from "../brand/Door"
import { keepGoal, ownAddress } from "./goal"
import { useSearch } from "../ui/search"
import { countWaiting } from "../review/store"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { words } from "../en"
import { outboxWords } from "../review/en.outbox"

export function SignInPage() {
  const [search] = useSearch()
  const [, go] = useLocation()
  const client = useQueryClient()
  const [email, setEmail] = useState("")
  const [password, setPassword] = useState("")
  const [waiting, setWaiting] = useState(0)
  useEffect(() => void countWaiting().then(setWaiting, () => undefined), [])
  const signIn = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.POST("/api/v2/auth/sign-in", { body: { email, password } })),
    onSuccess: (caller) => {
      client.clear()
      rememberSession(caller)
      client.setQueryData(askCaller.queryKey, caller)
      go(ownAddress(search.get("to")) ?? paths.home, { replace: true })
    },
  })
  const { data: ways } = useQuery(askWays)
  const leave = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.POST("/api/v2/auth/oidc/begin")),
    onSuccess: (begun) => {
      keepGoal(search.get("to"))
      window.location.assign(begun.url)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate()
  }
  const w = words.signIn
  return (
    <Door>
      <h1>{w.title}</h1>
      {waiting > 0 && <p className="note" role="status">{outboxWords.atSignIn(waiting)}</p>}
      <form className="form" onSubmit={submit}>
        <TextField label={w.email} type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        <TextField label={w.password} type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        {signIn.error && <Trouble error={signIn.error} />}
        <Button type="submit" kind="accent" busy={signIn.isPending}>{w.go}</Button>
      </form>
      {ways?.oidc && (
        <div className="form">
          <Button busy={leave.isPending || leave.isSuccess} onClick={() => leave.mutate()}>{w.by(ways.oidc.name)}</Button>
          {leave.error && <Trouble error={leave.error} />}
        </div>
      )}
      <p className="soft small">{w.lost}</p>
    </Door>
  )
}
