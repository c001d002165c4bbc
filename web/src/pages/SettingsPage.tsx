/** Settings of the project, and the caller's API tokens. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askPipelines, askProject, askProjects, askTokens } from "../api/queries"
import type { Token } from "../api/types"
import { mayManage, useProject } from "../components/project"
import { SettingsTabs } from "../components/SettingsTabs"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Confirm, Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../words/en"

export function SettingsPage() {
  const project = useProject()
  useEffect(() => {
    document.title = `${words.settings.title} · ${project.name}`
  }, [project.name])
  return (
    <div className="narrow">
      <div className="page-head"><h1>{words.settings.title}</h1></div>
      <SettingsTabs part="settings" />
      {mayManage(project) && <ProjectSettings />}
      <Tokens />
    </div>
  )
}

function ProjectSettings() {
  const project = useProject()
  const client = useQueryClient()
  const { data: pipelines } = useQuery(askPipelines(project.id))
  const [form, setForm] = useState({
    name: project.name, description: project.description, automatic: project.automatic_pipeline ?? "", gap: String(project.sequence_gap_s),
  })
  const field = (key: keyof typeof form) => ({
    value: form[key], onChange: (event: { target: { value: string } }) => setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const w = words.settings
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      answer(api.PATCH("/api/v2/projects/{project_id}", {
        params: { path: { project_id: project.id } },
        body: { name: form.name.trim(), description: form.description, automatic_pipeline: form.automatic || null, sequence_gap_s: Number(form.gap) || 0 },
      })),
    onSuccess: (changed) => {
      client.setQueryData(askProject(project.id).queryKey, changed)
      void client.invalidateQueries({ queryKey: askProjects.queryKey, exact: true })
      toast(w.saved)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    store.mutate()
  }
  return (
    <section>
      <h2 style={{ marginBottom: 12 }}>{w.project}</h2>
      <form className="form" style={{ maxWidth: 520 }} onSubmit={submit}>
        <TextField label={words.project.name} required maxLength={255} {...field("name")} />
        <TextField label={words.project.description} {...field("description")} />
        <SelectField label={w.automatic} hint={w.automaticHint} {...field("automatic")}>
          <option value="">{w.noAutomatic}</option>
          {form.automatic && !pipelines?.results.some((one) => one.slug === form.automatic) && <option value={form.automatic}>{form.automatic}</option>}
          {pipelines?.results.map((one) => <option key={one.slug} value={one.slug}>{one.name}</option>)}
        </SelectField>
        <TextField label={w.gap} type="number" min={0} max={86400} {...field("gap")} />
        {store.error && <Trouble error={store.error} />}
        <div className="actions"><Button type="submit" kind="accent" busy={store.isPending}>{words.common.save}</Button></div>
      </form>
    </section>
  )
}

function Tokens() {
  const client = useQueryClient()
  const { data, error } = useQuery(askTokens)
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  const w = words.settings
  const revoke = useMutation({
    mutationFn: (token: Token) => answer(api.DELETE("/api/v2/auth/tokens/{token_id}", { params: { path: { token_id: token.id } } })),
    onSuccess: () => toast(w.revokedToast),
    onSettled: () => {
      setRevoking(null)
      return client.invalidateQueries({ queryKey: askTokens.queryKey })
    },
  })
  const stateOf = (token: Token) =>
    token.revoked_at ? w.revoked : token.expires_at && new Date(token.expires_at) < new Date() ? w.expired : w.active
  return (
    <section className="section">
      <div className="section-head">
        <h2>{w.tokens}</h2>
        <Button small style={{ marginLeft: "auto" }} onClick={() => setMaking(true)}>{w.newToken}</Button>
      </div>
      <p className="soft" style={{ marginBottom: 8 }}>{w.tokensText}</p>
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={2} />}
      {data?.results.length === 0 && <p className="soft">{w.noTokens}</p>}
      {data && data.results.length > 0 && (
        <div className="table-scroll">
          <table className="table">
            <thead><tr><th>{w.tokenName}</th><th>{w.kind}</th><th>{w.state}</th><th>{w.made}</th><th>{w.used}</th><th>{w.expires}</th><th /></tr></thead>
            <tbody>
              {data.results.map((token) => (
                <tr key={token.id}>
                  <td>{token.name} <code className="faint">{token.prefix}…</code></td>
                  <td>{w.kinds[token.kind]}</td>
                  <td className={token.revoked_at ? "faint" : undefined}>{stateOf(token)}</td>
                  <td className="nowrap"><When at={token.created_at} short /></td>
                  <td className="nowrap"><When at={token.last_used_at} short /></td>
                  <td className="nowrap"><When at={token.expires_at} short /></td>
                  <td className="number">{!token.revoked_at && <Button small kind="quiet" onClick={() => setRevoking(token)}>{w.revoke}</Button>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {making && <NewToken onClose={() => setMaking(false)} />}
      <Confirm
        open={revoking !== null} onClose={() => setRevoking(null)} title={w.revokeAsk(revoking?.name ?? "")} text={w.revokeText} go={w.revoke}
        busy={revoke.isPending} onGo={() => revoking && revoke.mutate(revoking)}
      />
    </section>
  )
}

const DAYS = [30, 90, 365]

function NewToken({ onClose }: { onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [name, setName] = useState("")
  const [kind, setKind] = useState<Token["kind"]>("user")
  const [days, setDays] = useState("")
  const [onlyThis, setOnlyThis] = useState(true)
  const w = words.settings
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      answer(api.POST("/api/v2/auth/tokens", {
        body: {
          name: name.trim(), kind, projects: onlyThis ? [project.id] : null,
          expires_at: days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null,
        },
      })),
    onSuccess: () => client.invalidateQueries({ queryKey: askTokens.queryKey }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={w.newToken}>
      {make.data ? (
        <div className="form">
          <p className="note">{w.shownOnce}</p>
          <Copyable text={make.data.token} />
          <div className="dialog-actions"><Button kind="accent" onClick={onClose}>{words.common.close}</Button></div>
        </div>
      ) : (
        <form className="form" onSubmit={submit}>
          <TextField label={w.tokenName} required maxLength={255} autoFocus value={name} onChange={(event) => setName(event.target.value)} />
          <SelectField label={w.kind} value={kind} onChange={(event) => setKind(event.target.value as Token["kind"])}>
            {Object.entries(w.kinds).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          </SelectField>
          <SelectField label={w.expires} value={days} onChange={(event) => setDays(event.target.value)}>
            <option value="">{words.common.never}</option>
            {DAYS.map((count) => <option key={count} value={count}>{w.inDays(count)}</option>)}
          </SelectField>
          <Check label={w.onlyThis} checked={onlyThis} onChange={(event) => setOnlyThis(event.target.checked)} />
          {make.error && <Trouble error={make.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{words.common.cancel}</Button>
            <Button type="submit" kind="accent" busy={make.isPending}>{words.worker.make}</Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
