/** The settings of a project, including its deletion. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import { ErrorMessage } from "../errors/ErrorMessage"
import { projectTexts, settingsTexts } from "../projects/en"
import { ProjectDeletion } from "../projects/ProjectDeletion"
import { PublicAccessToggle } from "../projects/PublicAccessToggle"
import { isOwner, useProject } from "../projects/projectContext"
import { projectQuery, projectsQuery } from "../projects/queries"
import { SettingsTabs } from "../projects/SettingsTabs"
import { pipelinesQuery } from "../queue/queries"
import { Button } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { Check, SelectField, TextField } from "../ui/Field"
import { EmptyState } from "../ui/feedback"
import { showToast } from "../ui/Toasts"

const SHAPES = ["box", "point", "polygon"] as const

export function SettingsPage() {
  const project = useProject()
  useEffect(() => {
    document.title = `${settingsTexts.title} · ${project.name}`
  }, [project.name])
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
      </div>
      <SettingsTabs part="settings" />
      {isOwner(project) ? (
        <>
          <ProjectForm />
          <PublicAccessToggle />
          <ProjectDeletion />
        </>
      ) : (
        <EmptyState title={settingsTexts.project} text={settingsTexts.onlyOwners} />
      )}
    </div>
  )
}

function ProjectForm() {
  const project = useProject()
  const client = useQueryClient()
  const { data: pipelines } = useQuery(pipelinesQuery(project.id))
  const [form, setForm] = useState({
    name: project.name,
    description: project.description,
    automatic: project.automatic_pipeline ?? "",
    gap: String(project.sequence_gap_s),
  })
  const [shapes, setShapes] = useState(project.shapes)
  const field = (key: keyof typeof form) => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) =>
      setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const t = settingsTexts
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.PATCH("/api/v2/projects/{project_id}", {
          params: { path: { project_id: project.id } },
          body: {
            name: form.name.trim(),
            description: form.description,
            automatic_pipeline: form.automatic || null,
            sequence_gap_s: Number(form.gap) || 0,
            shapes,
          },
        }),
      ),
    onSuccess: (changed) => {
      client.setQueryData(projectQuery(project.id).queryKey, changed)
      void client.invalidateQueries({ queryKey: projectsQuery.queryKey, exact: true })
      showToast(t.saved)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    store.mutate()
  }
  return (
    <section>
      <h2 style={{ marginBottom: 12 }}>{t.project}</h2>
      <form className="form" style={{ maxWidth: 520 }} onSubmit={submit}>
        <TextField label={projectTexts.name} required maxLength={255} {...field("name")} />
        <TextField label={projectTexts.description} {...field("description")} />
        <SelectField label={t.automatic} hint={t.automaticHint} {...field("automatic")}>
          <option value="">{t.noAutomatic}</option>
          {form.automatic && !pipelines?.results.some((one) => one.slug === form.automatic) && (
            <option value={form.automatic}>{form.automatic}</option>
          )}
          {pipelines?.results.map((one) => (
            <option key={one.slug} value={one.slug}>
              {one.name}
            </option>
          ))}
        </SelectField>
        <TextField label={t.gap} type="number" min={0} max={86400} {...field("gap")} />
        <fieldset className="fieldset">
          <legend>{t.shapes}</legend>
          {SHAPES.map((one) => (
            <Check
              key={one}
              label={t.shapeNames[one]}
              checked={shapes.includes(one)}
              // At least one shape can be drawn.
              disabled={shapes.length === 1 && shapes.includes(one)}
              onChange={({ target }) =>
                setShapes((old) =>
                  SHAPES.filter((other) => (other === one ? target.checked : old.includes(other))),
                )
              }
            />
          ))}
          <p className="soft small">{t.shapesHint}</p>
        </fieldset>
        {store.error && <ErrorMessage error={store.error} />}
        <div className="actions">
          <Button type="submit" kind="accent" busy={store.isPending}>
            {uiTexts.save}
          </Button>
        </div>
      </form>
    </section>
  )
}
