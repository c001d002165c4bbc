/** A one-time link: makes the owner's account, or signs in. The link stands after "#", so no server log ever has it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { answer, api, rememberSession } from "../api/client"
import { askCaller, askLink } from "../api/queries"
import { Door } from "../brand/Door"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { TextField } from "../ui/Field"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { words } from "../en"
import { peopleWords } from "./en"

export function WelcomePage() {
  const [link] = useState(() => decodeURIComponent(window.location.hash.slice(1)))
  const { data: state, error } = useQuery({ ...askLink(link), enabled: link !== "" })
  const [email, setEmail] = useState("")
  const [name, setName] = useState("")
  const [password, setPassword] = useState("")
  const [, go] = useLocation()
  const client = useQueryClient()
  const enter = useMutation({
    meta: { saysItself: true },
    mutationFn: (owner: { email?: string; name?: string; password: string } | null) =>
      answer(api.POST("/api/v2/auth/link", { body: { link, ...owner } })),
    onSuccess: (caller) => {
      client.clear()
      rememberSession(caller)
      client.setQueryData(askCaller.queryKey, caller)
      go(paths.home, { replace: true })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    enter.mutate(state?.purpose === "first_owner" ? { email, name, password } : { password, name: name.trim() || undefined })
  }
  const w = words.welcome
  if (link === "" || error) {
    return (
      <Door>
        <h1>{w.title}</h1>
        {error ? <Trouble error={error} /> : <p>{w.noLink}</p>}
        <p className="soft">{w.expired}</p>
        <LinkButton href={paths.signIn}>{w.toSignIn}</LinkButton>
      </Door>
    )
  }
  return (
    <Door>
      <h1>{w.title}</h1>
      {!state && <SkeletonRows rows={3} />}
      {state?.purpose === "first_owner" && (
        <form className="form" onSubmit={submit}>
          <p className="soft">{w.owner}</p>
          <TextField label={w.name} autoComplete="name" required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
          <TextField label={w.email} type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} />
          <TextField
            label={w.password} hint={w.passwordHint} type="password" autoComplete="new-password" minLength={10} required
            value={password} onChange={(event) => setPassword(event.target.value)}
          />
          {enter.error && <Trouble error={enter.error} />}
          <Button type="submit" kind="accent" busy={enter.isPending}>{w.go}</Button>
        </form>
      )}
      {state && (state.purpose === "invite" || state.purpose === "reset") && (
        <form className="form" onSubmit={submit}>
          <p className="soft">{(state.purpose === "invite" ? peopleWords.welcomeInvite : peopleWords.welcomeReset)(state.email ?? "")}</p>
          {state.purpose === "invite" && !state.name && (
            <TextField label={w.name} autoComplete="name" required value={name} onChange={(event) => setName(event.target.value)} />
          )}
          <input type="hidden" autoComplete="username" value={state.email ?? ""} readOnly />
          <TextField
            label={w.password} hint={w.passwordHint} type="password" autoComplete="new-password" minLength={10} required autoFocus
            value={password} onChange={(event) => setPassword(event.target.value)}
          />
          {enter.error && <Trouble error={enter.error} />}
          <Button type="submit" kind="accent" busy={enter.isPending}>{peopleWords.welcomeGo}</Button>
        </form>
      )}
      {state?.purpose === "sign_in" && (
        <>
          {enter.error && <Trouble error={enter.error} />}
          <Button kind="accent" autoFocus busy={enter.isPending} onClick={() => enter.mutate(null)}>{w.signIn}</Button>
        </>
      )}
    </Door>
  )
}
