/** The user's own account: name, password, sessions and API tokens. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import { DeletedProjects } from "../projects/ProjectDeletion"
import { useProject } from "../projects/projectContext"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { ApiTokens } from "./ApiTokens"
import "../projects/users.css"
import { callerQuery } from "../api/session"
import { ErrorMessage } from "../errors/ErrorMessage"
import { settingsTexts } from "../projects/en"
import { uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { accountTexts } from "./en"
import { sessionsQuery } from "./queries"

export function AccountPage() {
  const project = useProject()
  const { data: caller } = useQuery(callerQuery)
  const t = accountTexts
  useEffect(() => {
    document.title = `${t.account} · ${project.name}`
  }, [project.name])
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
      </div>
      <SettingsTabs part="account" />
      <p className="soft" style={{ marginBottom: 12 }}>
        {t.accountText(caller?.email ?? "")}
      </p>
      {caller && <NameForm known={caller.name ?? ""} />}
      <PasswordForm />
      <Sessions />
      <ApiTokens />
      <DeletedProjects />
    </div>
  )
}

function NameForm({ known }: { known: string }) {
  const client = useQueryClient()
  const [name, setName] = useState(known)
  const t = accountTexts
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () => unwrap(api.PATCH("/api/v2/auth/me", { body: { name: name.trim() } })),
    onSuccess: (caller) => {
      client.setQueryData(callerQuery.queryKey, caller)
      showToast(t.nameSaved)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    store.mutate()
  }
  return (
    <form className="form" style={{ maxWidth: 520 }} onSubmit={submit}>
      <TextField
        label={t.name}
        required
        maxLength={255}
        autoComplete="name"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      {store.error && <ErrorMessage error={store.error} />}
      <div className="actions">
        <Button type="submit" busy={store.isPending} disabled={name.trim() === known}>
          {uiTexts.save}
        </Button>
      </div>
    </form>
  )
}

function PasswordForm() {
  const client = useQueryClient()
  const [old, setOld] = useState("")
  const [password, setPassword] = useState("")
  const t = accountTexts
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(api.PUT("/api/v2/auth/password", { body: { old: old || null, new: password } })),
    onSuccess: () => {
      setOld("")
      setPassword("")
      showToast(t.passwordSet)
      return client.invalidateQueries({ queryKey: sessionsQuery.queryKey })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    store.mutate()
  }
  return (
    <section className="section" aria-label={t.password}>
      <h2 style={{ marginBottom: 12 }}>{t.password}</h2>
      <form className="form" style={{ maxWidth: 520 }} onSubmit={submit}>
        <TextField
          label={t.oldPassword}
          type="password"
          autoComplete="current-password"
          value={old}
          onChange={(event) => setOld(event.target.value)}
        />
        <TextField
          label={t.newPassword}
          hint={t.passwordHint}
          type="password"
          autoComplete="new-password"
          minLength={10}
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {store.error && <ErrorMessage error={store.error} />}
        <div className="actions">
          <Button type="submit" busy={store.isPending}>
            {t.passwordGo}
          </Button>
        </div>
      </form>
    </section>
  )
}

function Sessions() {
  const client = useQueryClient()
  const { data, error, refetch } = useQuery(sessionsQuery)
  const t = accountTexts
  const refresh = () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey })
  const end = useMutation({
    mutationFn: (id: string) =>
      unwrap(
        api.DELETE("/api/v2/auth/sessions/{session_id}", { params: { path: { session_id: id } } }),
      ),
    onSuccess: () => showToast(t.ended),
    onSettled: refresh,
  })
  const endAll = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v2/auth/sessions")),
    onSuccess: () => showToast(t.endedAll),
    onSettled: refresh,
  })
  const others = data?.results.filter((session) => !session.is_current) ?? []
  return (
    <section className="section" aria-label={t.sessions}>
      <div className="section-head">
        <h2>{t.sessions}</h2>
        {others.length > 0 && (
          <Button
            small
            style={{ marginLeft: "auto" }}
            busy={endAll.isPending}
            onClick={() => endAll.mutate()}
          >
            {t.endAll}
          </Button>
        )}
      </div>
      <p className="soft">{t.sessionsText}</p>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={2} />}
      <ul className="user-list">
        {data?.results.map((session) => (
          <li
            key={session.id}
            className="user-row"
            data-session={session.is_current ? "current" : "other"}
          >
            <div className="user-identity">
              <span className="user-name">
                {formatBrowser(session.user_agent)}
                {session.is_current && <span className="faint"> ({t.thisOne})</span>}
              </span>
              <span className="soft small">
                {session.address} · {t.begun} <Timestamp at={session.created_at} short />
              </span>
            </div>
            <span className="person-role small soft">
              {t.seen} <Timestamp at={session.last_seen_at} short />
            </span>
            <span className="user-actions">
              {!session.is_current && (
                <Button
                  small
                  kind="quiet"
                  busy={end.isPending}
                  aria-label={t.endOf(session.address)}
                  onClick={() => end.mutate(session.id)}
                >
                  {t.end}
                </Button>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Format a user agent as browser and system names; return it unchanged if neither is known. */
function formatBrowser(agent: string): string {
  const browser = ["Edg", "OPR", "Firefox", "Chrome", "Safari"].find((name) =>
    agent.includes(`${name}/`),
  )
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"].find((name) =>
    agent.includes(name),
  )
  const known = { Edg: "Edge", OPR: "Opera" } as Record<string, string>
  if (!browser) return agent.slice(0, 60) || accountTexts.browser
  return [known[browser] ?? browser, system?.replace("Mac OS X", "macOS")]
    .filter(Boolean)
    .join(", ")
}
