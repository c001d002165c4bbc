/** Settings of the project, and its end. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askPipelines, askProject, askProjects } from "../api/queries"
import { EndOfProject } from "./EndOfProject"
import { PublicSwitch } from "./PublicSwitch"
import { isOwner, useProject } from "./project"
import { SettingsTabs } from "./SettingsTabs"
import { Button } from "../ui/Button"
import { SelectField, TextField } from "../ui/Field"
import { Empty, Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"

export function SettingsPage() {
  const project = useProject()
  useEffect(() => {
    document.title = `${words.settings.title} · ${project.name}`
  }, [project.name])
  return (
    <div className="narrow">
      <div className="page-head"><h1>{words.settings.title}</h1></div>
      <SettingsTabs part="settings" />
      {isOwner(project) ? <><ProjectSettings /><PublicSwitch /><EndOfProject /></> : <Empty title={words.settings.project} text={words.settings.onlyOwners} />}
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
