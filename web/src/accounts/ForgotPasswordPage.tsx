/** Requests an e-mail with a link for a new password, or says who creates one. */
import { useMutation, useQuery } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import { SignInLayout } from "../brand/SignInLayout"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths, withSearch } from "../paths"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { useUrlQuery } from "../ui/urlQuery"
import { signInTexts, forgotPasswordTexts as t } from "./en"
import { signInMethodsQuery } from "./queries"

export function ForgotPasswordPage() {
  const [search] = useUrlQuery()
  const [email, setEmail] = useState("")
  const { data: ways, error, refetch } = useQuery(signInMethodsQuery)
  useEffect(() => {
    document.title = t.title
  }, [])
  const ask = useMutation({
    meta: { saysItself: true },
    mutationFn: () => unwrap(api.POST("/api/v2/auth/password-reset", { body: { email } })),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    ask.mutate()
  }
  return (
    <SignInLayout>
      <h1>{t.title}</h1>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!ways && !error && <SkeletonRows rows={2} />}
      {ways?.password_reset && !ask.isSuccess && (
        <form className="form" onSubmit={submit}>
          <p className="soft">{t.text}</p>
          <TextField
            label={signInTexts.email}
            type="email"
            autoComplete="username"
            required
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          {ask.error && <ErrorMessage error={ask.error} />}
          <Button type="submit" kind="accent" busy={ask.isPending}>
            {t.go}
          </Button>
        </form>
      )}
      {ask.isSuccess && (
        <p className="note" role="status">
          {t.sent(email)}
        </p>
      )}
      {ways && !ways.password_reset && <p>{t.noMail}</p>}
      {ways && <p className="soft small">{t.operator}</p>}
      <p>
        <Link href={withSearch(paths.signIn, { to: search.get("to") })}>{signInTexts.back}</Link>
      </p>
    </SignInLayout>
  )
}
