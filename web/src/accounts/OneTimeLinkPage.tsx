/**
 * A one-time link: creates the owner's account, or signs in. The token is in the URL's fragment, so
 * that it is in no server log.
 */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { api, setSession, unwrap } from "../api/client"
import { callerQuery } from "../api/session"
import { SignInLayout } from "../brand/SignInLayout"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { accountTexts, oneTimeLinkTexts } from "./en"
import { oneTimeLinkQuery } from "./queries"

export function OneTimeLinkPage() {
  const [link] = useState(() => decodeURIComponent(window.location.hash.slice(1)))
  const { data: state, error } = useQuery({ ...oneTimeLinkQuery(link), enabled: link !== "" })
  const [email, setEmail] = useState("")
  const [name, setName] = useState("")
  const [password, setPassword] = useState("")
  const [, go] = useLocation()
  const client = useQueryClient()
  const enter = useMutation({
    meta: { saysItself: true },
    mutationFn: (owner: { email?: string; name?: string; password: string } | null) =>
      unwrap(api.POST("/api/v2/auth/link", { body: { link, ...owner } })),
    onSuccess: (caller) => {
      client.clear()
      setSession(caller)
      client.setQueryData(callerQuery.queryKey, caller)
      go(paths.home, { replace: true })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    enter.mutate(
      state?.purpose === "first_owner"
        ? { email, name, password }
        : { password, name: name.trim() || undefined },
    )
  }
  const t = oneTimeLinkTexts
  if (link === "" || error) {
    return (
      <SignInLayout>
        <h1>{t.title}</h1>
        {error ? <ErrorMessage error={error} /> : <p>{t.noLink}</p>}
        <p className="soft">{t.expired}</p>
        <LinkButton href={paths.signIn}>{t.toSignIn}</LinkButton>
      </SignInLayout>
    )
  }
  return (
    <SignInLayout>
      <h1>{t.title}</h1>
      {!state && <SkeletonRows rows={3} />}
      {state?.purpose === "first_owner" && (
        <form className="form" onSubmit={submit}>
          <p className="soft">{t.owner}</p>
          <TextField
            label={t.name}
            autoComplete="name"
            required
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <TextField
            label={t.email}
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <TextField
            label={t.password}
            hint={t.passwordHint}
            type="password"
            autoComplete="new-password"
            minLength={10}
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          {enter.error && <ErrorMessage error={enter.error} />}
          <Button type="submit" kind="accent" busy={enter.isPending}>
            {t.go}
          </Button>
        </form>
      )}
      {state && (state.purpose === "invite" || state.purpose === "reset") && (
        <form className="form" onSubmit={submit}>
          <p className="soft">
            {(state.purpose === "invite" ? accountTexts.welcomeInvite : accountTexts.welcomeReset)(
              state.email ?? "",
            )}
          </p>
          {state.purpose === "invite" && !state.name && (
            <TextField
              label={t.name}
              autoComplete="name"
              required
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
          <input type="hidden" autoComplete="username" value={state.email ?? ""} readOnly />
          <TextField
            label={t.password}
            hint={t.passwordHint}
            type="password"
            autoComplete="new-password"
            minLength={10}
            required
            autoFocus
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          {enter.error && <ErrorMessage error={enter.error} />}
          <Button type="submit" kind="accent" busy={enter.isPending}>
            {accountTexts.welcomeGo}
          </Button>
        </form>
      )}
      {state?.purpose === "sign_in" && (
        <>
          {enter.error && <ErrorMessage error={enter.error} />}
          <Button kind="accent" autoFocus busy={enter.isPending} onClick={() => enter.mutate(null)}>
            {t.signIn}
          </Button>
        </>
      )}
    </SignInLayout>
  )
}
