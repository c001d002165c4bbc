/** Makes or changes a pull source, with a live test of what a run would take. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { answer, api } from "../api/client"
import { askDeployments } from "../api/queries"
import type { Source } from "../api/types"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { SelectField, TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { sourceWords } from "./en"
import { DeploymentForm } from "../deployments/DeploymentForm"
import { GatewayFields, KindChoice } from "./GatewayFields"
import { useProject } from "../projects/project"
import { type Filled, fill, kindOf, settingsOf } from "./sourceSettings"
import { SourceTestResult } from "./SourceTestResult"

type Texts = { [Key in keyof Filled]: Filled[Key] extends string ? Key : never }[keyof Filled]

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
  const [form, setForm] = useState(() => fill(source))
  const [place, setPlace] = useState(source?.location_id ?? "")
  const [cron, setCron] = useState(() => !(form.schedule in sourceWords.schedules))
  const w = sourceWords
  const set = (change: Partial<Filled>) => {
    test.reset()
    store.reset()
    setForm((old) => {
      const next = { ...old, ...change }
      const kind = change.base_url === undefined ? next.kind : kindOf(next.base_url, next.kind)
      // A secret that was typed for one kind of source means nothing to another.
      return kind === old.kind ? next : { ...next, kind, secret: undefined, option_secret: undefined, auth_type: kind === source?.gateway ? source.auth_type : "none" }
    })
  }
  const field = (key: Texts) => ({ value: form[key], onChange: (event: { target: { value: string } }) => set({ [key]: event.target.value }) })
  const deployment = place || deployments?.results[0]?.id || ""
  const zone = source?.time_zone ?? deployments?.results.find((one) => one.id === deployment)?.time_zone
  const params = { path: { source_id: source?.id ?? "" } }
  const test = useMutation({
    meta: { saysItself: true },
    mutationFn: (filled: Filled) =>
      source
        ? answer(api.POST("/image-pull-sources/{source_id}/test", { params, body: settingsOf(filled) }))
        : answer(api.POST("/image-pull-sources/test", { body: { source: { ...settingsOf(filled), project: project.id, deployment } } })),
  })
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      source
        ? answer(api.PATCH("/image-pull-sources/{source_id}", { params, body: settingsOf(form) }))
        : answer(api.POST("/image-pull-sources", { body: { ...settingsOf(form), project: project.id, deployment } })),
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
  const takeHostKey = (host_key: string) => {
    set({ host_key })
    test.mutate({ ...form, host_key })
  }
  const ready = form.base_url.trim() !== "" && deployment !== ""
  const proven = test.data?.ok || source !== undefined
  return (
    <>
      <form className="form" onSubmit={submit}>
        <KindChoice form={form} set={set} />
        <TextField label={w.url} required autoFocus={!source} spellCheck={false} placeholder={w.placeholders[form.kind]} {...field("base_url")} />
        <GatewayFields form={form} set={set} source={source} />
        <div className="form-row">
          <TextField label={w.name} hint={source ? undefined : w.nameHint} maxLength={255} {...field("name")} />
          {!source && (
            <SelectField label={w.deployment} value={deployment} required onChange={(event) => (event.target.value === "new" ? setMaking(true) : setPlace(event.target.value))}>
              {deployments?.results.length === 0 && <option value="" />}
              {deployments?.results.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
              <option value="new">{words.source.newDeployment}</option>
            </SelectField>
          )}
        </div>
        <div className="form-row">
          <SelectField label={w.schedule} value={cron ? "" : form.schedule} onChange={(event) => { setCron(event.target.value === ""); if (event.target.value) set({ schedule: event.target.value }) }}>
            {Object.entries(w.schedules).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            <option value="">{w.custom}</option>
          </SelectField>
          {cron && <TextField label={w.cron} hint={w.cronHint} spellCheck={false} required {...field("schedule")} />}
        </div>
        <details className="more">
          <summary>{words.source.more}</summary>
          <div className="form">
            <div className="form-row">
              <TextField label={w.maxFiles} hint={w.maxFilesHint} type="number" min={0} {...field("max_files")} />
              <SelectField label={w.order} value={form.order} onChange={(event) => set({ order: event.target.value as Filled["order"] })}>
                {Object.entries(w.orders).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
              </SelectField>
            </div>
            <div className="form-row">
              <TextField label={w.minAge} type="number" min={0} {...field("min_age")} />
            </div>
            <div className="form-row">
              <TextField label={w.concurrency} type="number" min={1} max={16} {...field("concurrency")} />
              <TextField label={w.rateLimit} hint={w.rateLimitHint} type="number" min={0.01} step="any" {...field("rate_limit")} />
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
        {test.data && <SourceTestResult test={test.data} zone={zone} onHostKey={form.kind === "sftp" && form.host_key.trim() === "" ? takeHostKey : undefined} />}
        {store.error && <Trouble error={store.error} />}
        <div className="dialog-actions">
          <Button onClick={() => onDone(null)}>{words.common.cancel}</Button>
          <Button kind={proven ? "plain" : "accent"} busy={test.isPending} disabled={!ready} onClick={() => test.mutate(form)}>{w.test}</Button>
          <Button type="submit" kind={proven ? "accent" : "plain"} busy={store.isPending} disabled={!ready}>
            {source ? words.common.save : test.data && !test.data.ok ? w.saveAnyway : w.saveGo}
          </Button>
        </div>
      </form>
      <Dialog open={making} onClose={() => setMaking(false)} title={words.deployment.add}>
        <DeploymentForm onDone={(made) => { if (made) setPlace(made.id); setMaking(false) }} />
      </Dialog>
    </>
  )
}
