/** Makes or changes a pull source, with a live test of what a run would take. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { answer, api } from "../api/client"
import { askDeployments } from "../api/queries"
import type { AuthType, Source, SourceTest } from "../api/types"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { SelectField, TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { bytes, exact } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../words/en"
import { DeploymentForm } from "./DeploymentForm"
import { useProject } from "./project"

const list = (text: string) => text.split(",").map((one) => one.trim()).filter(Boolean)

interface SourceFormProps {
  source?: Source
  /** Hears what was stored, or null where the person gave up. */
  onDone: (source: Source | null) => void
}

export function SourceForm({ source, onDone }: SourceFormProps) {
  const project = useProject()
  const client = useQueryClient()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const [making, setMaking] = useState(false)
  const [form, setForm] = useState({
    name: source?.name ?? "", base_url: source?.base_url ?? "", deployment: source?.location_id ?? "",
    schedule: source?.schedule ?? "0 * * * *", auth_type: source?.auth_type ?? ("none" as AuthType),
    auth_username: source?.auth_username ?? "", secret: "", max_files: String(source?.max_files_per_run ?? 10),
    include: source?.include.join(", ") ?? "", exclude: source?.exclude.join(", ") ?? "",
    time_pattern: source?.filename_time_pattern ?? "", min_age: String(source?.min_age_s ?? 0),
  })
  const [cron, setCron] = useState(() => !(form.schedule in words.source.schedules))
  const w = words.source
  const set = (change: Partial<typeof form>) => {
    test.reset()
    setForm((old) => ({ ...old, ...change }))
  }
  const field = (key: keyof typeof form) => ({
    value: form[key], onChange: (event: { target: { value: string } }) => set({ [key]: event.target.value }),
  })
  const deployment = form.deployment || deployments?.results[0]?.id || ""
  const settings = () => ({
    name: form.name.trim() || form.base_url.trim().slice(0, 255), base_url: form.base_url.trim(), schedule: form.schedule,
    auth_type: form.auth_type, auth_username: form.auth_type === "basic" ? form.auth_username : null,
    ...(form.auth_type === "basic" && form.secret ? { auth_password: form.secret } : {}),
    ...(form.auth_type === "bearer" && form.secret ? { auth_header: `Bearer ${form.secret}` } : {}),
    ...(form.auth_type === "header" && form.secret ? { auth_header: form.secret } : {}),
    max_files_per_run: Number(form.max_files) || 0, include: list(form.include), exclude: list(form.exclude),
    filename_time_pattern: form.time_pattern || null, min_age_s: Number(form.min_age) || 0,
  })
  const test = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.POST("/image-pull-sources/test", { body: { source: { ...settings(), project: project.id, deployment } } })),
  })
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      source
        ? answer(api.PATCH("/image-pull-sources/{source_id}", { params: { path: { source_id: source.id } }, body: settings() }))
        : answer(api.POST("/image-pull-sources", { body: { ...settings(), project: project.id, deployment } })),
    onSuccess: (stored) => {
      void client.invalidateQueries({ queryKey: ["source", project.id] })
      toast(source ? w.changed : w.saved(stored.name))
      onDone(stored)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    store.mutate()
  }
  const secretHint = source && (source.has_password || source.has_auth_header) ? w.secretKept : undefined
  const ready = form.base_url.trim() !== "" && deployment !== ""
  return (
    <>
      <form className="form" onSubmit={submit}>
        <TextField label={w.url} hint={w.urlHint} required autoFocus={!source} placeholder="http://192.168.1.20/DCIM/" {...field("base_url")} />
        <TextField label={w.name} required maxLength={255} {...field("name")} />
        {!source && (
          <SelectField label={w.deployment} value={deployment} required onChange={(event) => (event.target.value === "new" ? setMaking(true) : set({ deployment: event.target.value }))}>
            {deployments?.results.length === 0 && <option value="" />}
            {deployments?.results.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
            <option value="new">{w.newDeployment}</option>
          </SelectField>
        )}
        <div className="form-row">
          <SelectField label={w.schedule} value={cron ? "" : form.schedule} onChange={(event) => { setCron(event.target.value === ""); if (event.target.value) set({ schedule: event.target.value }) }}>
            {Object.entries(w.schedules).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            <option value="">{w.custom}</option>
          </SelectField>
          {cron && <TextField label={w.cron} hint={w.cronHint} {...field("schedule")} />}
        </div>
        <div className="form-row">
          <SelectField label={w.auth} value={form.auth_type} onChange={(event) => set({ auth_type: event.target.value as AuthType, secret: "" })}>
            {Object.entries(w.auths).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          </SelectField>
          {form.auth_type === "basic" && <TextField label={w.user} autoComplete="off" {...field("auth_username")} />}
          {form.auth_type === "basic" && <TextField label={w.password} hint={secretHint} type="password" autoComplete="new-password" {...field("secret")} />}
          {form.auth_type === "bearer" && <TextField label={w.bearer} hint={secretHint} type="password" autoComplete="new-password" {...field("secret")} />}
          {form.auth_type === "header" && <TextField label={w.header} hint={secretHint ?? w.headerHint} autoComplete="off" {...field("secret")} />}
        </div>
        <details className="more">
          <summary>{w.more}</summary>
          <div className="form">
            <div className="form-row">
              <TextField label={w.maxFiles} hint={w.maxFilesHint} type="number" min={0} {...field("max_files")} />
              <TextField label={`${w.minAge} (${w.seconds})`} type="number" min={0} {...field("min_age")} />
            </div>
            <div className="form-row">
              <TextField label={w.include} hint={w.patternsHint} {...field("include")} />
              <TextField label={w.exclude} {...field("exclude")} />
            </div>
            <TextField label={w.timePattern} hint={w.timePatternHint} {...field("time_pattern")} />
          </div>
        </details>
        {test.isPending && <p className="soft" role="status">{w.testing}…</p>}
        {test.error && <Trouble error={test.error} />}
        {test.data && <TestResult test={test.data} />}
        {store.error && <Trouble error={store.error} />}
        <div className="dialog-actions">
          <Button onClick={() => onDone(null)}>{words.common.cancel}</Button>
          <Button kind={test.data?.ok || source ? "plain" : "accent"} busy={test.isPending} disabled={!ready} onClick={() => test.mutate()}>{w.test}</Button>
          <Button type="submit" kind={test.data?.ok || source ? "accent" : "plain"} busy={store.isPending} disabled={!ready}>
            {source ? words.common.save : test.data && !test.data.ok ? w.saveAnyway : w.saveGo}
          </Button>
        </div>
      </form>
      <Dialog open={making} onClose={() => setMaking(false)} title={words.deployment.add}>
        <DeploymentForm onDone={(made) => { if (made) set({ deployment: made.id }); setMaking(false) }} />
      </Dialog>
    </>
  )
}

/** What a test saw: one sentence, and the files a run would take. */
export function TestResult({ test }: { test: SourceTest }) {
  return (
    <div className={test.ok ? "note note-good" : "note"} role="status" data-testid="test-result">
      <p>{test.detail}</p>
      {test.files.length > 0 && (
        <ul className="test-files" style={{ marginTop: 8 }}>
          {test.files.slice(0, 8).map((file) => (
            <li key={file.path}>
              <span>{file.path}</span>
              <span className="soft">
                {[
                  file.size !== null ? bytes(file.size) : "",
                  file.width && file.height ? `${file.width} × ${file.height}` : "",
                  file.captured_at ? exact(file.captured_at) : "",
                  file.detail ?? "",
                ].filter(Boolean).join(", ")}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
