/** One's own account: name, password, the browsers that are signed in, API tokens. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askCaller, askSessions } from "../api/queries"
import { DeletedProjects } from "../projects/EndOfProject"
import { useProject } from "../projects/project"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Tokens } from "./Tokens"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { SkeletonRows, Trouble } from "../ui/Notice"
import "./people.css"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { peopleWords } from "./en"

export function AccountPage() {
  const project = useProject()
  const { data: caller } = useQuery(askCaller)
  const w = peopleWords
  useEffect(() => {
    document.title = `${w.account} · ${project.name}`
  }, [w, project.name])
  return (
    <div className="narrow">
      <div className="page-head"><h1>{words.settings.title}</h1></div>
      <SettingsTabs part="account" />
      <p className="soft" style={{ marginBottom: 12 }}>{w.accountText(caller?.email ?? "")}</p>
      {caller && <Name known={caller.name ?? ""} />}
      <Password />
      <Sessions />
      <Tokens />
      <DeletedProjects />
    </div>
  )
}

function Name({ known }: { known: string }) {
  const client = useQueryClient()
  const [name, setName] = useState(known)
  const w = peopleWords
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.PATCH("/api/v2/auth/me", { body: { name: name.trim() } })),
    onSuccess: (caller) => {
      client.setQueryData(askCaller.queryKey, caller)
      toast(w.nameSaved)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    store.mutate()
  }
  return (
    <form className="form" style={{ maxWidth: 520 }} onSubmit={submit}>
      <TextField label={w.name} required maxLength={255} autoComplete="name" value={name} onChange={(event) => setName(event.target.value)} />
      {store.error && <Trouble error={store.error} />}
      <div className="actions"><Button type="submit" busy={store.isPending} disabled={name.trim() === known}>{words.common.save}</Button></div>
    </form>
  )
}

function Password() {
  const client = useQueryClient()
  const [old, setOld] = useState("")
  const [password, setPassword] = useState("")
  const w = peopleWords
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.PUT("/api/v2/auth/password", { body: { old: old || null, new: password } })),
    onSuccess: () => {
      setOld("")
      setPassword("")
      toast(w.passwordSet)
      return client.invalidateQueries({ queryKey: askSessions.queryKey })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    store.mutate()
  }
  return (
    <section className="section" aria-label={w.password}>
      <h2 style={{ marginBottom: 12 }}>{w.password}</h2>
      <form className="form" style={{ maxWidth: 520 }} onSubmit={submit}>
        <TextField label={w.oldPassword} type="password" autoComplete="current-password" value={old} onChange={(event) => setOld(event.target.value)} />
        <TextField
          label={w.newPassword} hint={w.passwordHint} type="password" autoComplete="new-password" minLength={10} required
          value={password} onChange={(event) => setPassword(event.target.value)}
        />
        {store.error && <Trouble error={store.error} />}
        <div className="actions"><Button type="submit" busy={store.isPending}>{w.passwordGo}</Button></div>
      </form>
    </section>
  )
}

function Sessions() {
  const client = useQueryClient()
  const { data, error, refetch } = useQuery(askSessions)
  const w = peopleWords
  const refresh = () => client.invalidateQueries({ queryKey: askSessions.queryKey })
  const end = useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/api/v2/auth/sessions/{session_id}", { params: { path: { session_id: id } } })),
    onSuccess: () => toast(w.ended),
    onSettled: refresh,
  })
  const endAll = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v2/auth/sessions")),
    onSuccess: () => toast(w.endedAll),
    onSettled: refresh,
  })
  const others = data?.results.filter((session) => !session.is_current) ?? []
  return (
    <section className="section" aria-label={w.sessions}>
      <div className="section-head">
        <h2>{w.sessions}</h2>
        {others.length > 0 && <Button small style={{ marginLeft: "auto" }} busy={endAll.isPending} onClick={() => endAll.mutate()}>{w.endAll}</Button>}
      </div>
      <p className="soft">{w.sessionsText}</p>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={2} />}
      <ul className="persons">
        {data?.results.map((session) => (
          <li key={session.id} className="person" data-session={session.is_current ? "current" : "other"}>
            <div className="person-who">
              <span className="person-name">{nameBrowser(session.user_agent)}{session.is_current && <span className="faint"> ({w.thisOne})</span>}</span>
              <span className="soft small">{session.address} · {w.begun} <When at={session.created_at} short /></span>
            </div>
            <span className="person-role small soft">{w.seen} <When at={session.last_seen_at} short /></span>
            <span className="person-acts">
              {!session.is_current && <Button small kind="quiet" busy={end.isPending} aria-label={w.endOf(session.address)} onClick={() => end.mutate(session.id)}>{w.end}</Button>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** A browser by the names that people know, as far as its own long one tells. */
function nameBrowser(agent: string): string {
  const browser = ["Edg", "OPR", "Firefox", "Chrome", "Safari"].find((name) => agent.includes(`${name}/`))
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"].find((name) => agent.includes(name))
  const known = { Edg: "Edge", OPR: "Opera" } as Record<string, string>
  if (!browser) return agent.slice(0, 60) || peopleWords.browser
  return [known[browser] ?? browser, system?.replace("Mac OS X", "macOS")].filter(Boolean).join(", ")
}
