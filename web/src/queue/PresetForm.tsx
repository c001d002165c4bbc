/** The dialog that creates or edits a preset. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Preset, Priority, RegisteredPipeline } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { SelectField, TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { jobTexts, presetTexts } from "./en"
import {
  formatParameters,
  type Parameters,
  ParametersField,
  parseParameters,
} from "./ParametersField"
import { editedPresetQuery } from "./queries"

interface PresetFormProps {
  /** The preset that is edited; undefined for a new one. */
  id?: number
  pipelines: RegisteredPipeline[]
  onClose: () => void
}

export function PresetForm({ id, pipelines, onClose }: PresetFormProps) {
  const [round, setRound] = useState(0)
  const { data, error, refetch } = useQuery({
    ...editedPresetQuery(id ?? 0, round),
    enabled: id !== undefined,
  })
  const t = presetTexts
  return (
    <Dialog open onClose={onClose} title={id === undefined ? t.add : t.edit}>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {id !== undefined && !data && !error && <SkeletonRows rows={4} />}
      {(id === undefined || data) && (
        <Form
          key={round}
          preset={data?.preset}
          version={data?.version}
          pipelines={pipelines}
          onClose={onClose}
          onOutdated={() => setRound((old) => old + 1)}
        />
      )}
    </Dialog>
  )
}

interface FormProps {
  preset?: Preset
  /** The ETag of the version that is edited; the server rejects a change of any other version. */
  version?: string
  pipelines: RegisteredPipeline[]
  onClose: () => void
  /** Called to load the preset again after another user has changed it. */
  onOutdated: () => void
}

function Form({ preset, version, pipelines, onClose, onOutdated }: FormProps) {
  const project = useProject()
  const client = useQueryClient()
  const [form, setForm] = useState({
    name: preset?.name ?? "",
    pipeline: preset?.pipeline ?? (pipelines.find((one) => one.online) ?? pipelines[0])?.slug ?? "",
    description: preset?.description ?? "",
    priority: preset?.priority ?? ("normal" satisfies Priority),
  })
  const [parameters, setParameters] = useState(formatParameters(preset?.parameters ?? {}))
  const [judged, setJudged] = useState(false)
  const t = presetTexts
  const field = (key: "name" | "pipeline" | "description") => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) =>
      setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const save = useMutation({
    meta: { saysItself: true },
    mutationFn: (read: Parameters) => {
      const body = {
        ...form,
        name: form.name.trim(),
        description: form.description.trim(),
        parameters: read,
      }
      return preset
        ? unwrap(
            api.PATCH("/api/v2/presets/{preset_id}", {
              params: { path: { preset_id: preset.id } },
              headers: { "If-Match": version },
              body,
            }),
          )
        : unwrap(api.POST("/api/v2/presets", { body: { ...body, project: project.id } }))
    },
    onSuccess: (saved) => {
      showToast(preset ? t.saved(saved.name) : t.made(saved.name))
      onClose()
      return client.invalidateQueries({ queryKey: ["preset", project.id] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setJudged(true)
    const read = parseParameters(parameters)
    if (read) save.mutate(read)
  }
  const pipeline = pipelines.find((one) => one.slug === form.pipeline)
  const isOutdated = save.error instanceof ApiProblem && save.error.status === 412
  return (
    <form className="form" onSubmit={submit}>
      <TextField
        label={t.name}
        hint={t.nameHint}
        title={t.nameHint}
        required
        maxLength={255}
        pattern="\s*[A-Za-z0-9][A-Za-z0-9_.\-]*\s*"
        autoFocus
        autoComplete="off"
        spellCheck={false}
        placeholder="night"
        {...field("name")}
      />
      <SelectField label={t.pipeline} {...field("pipeline")}>
        {!pipeline && <option value={form.pipeline}>{form.pipeline}</option>}
        {pipelines.map((one) => (
          <option key={one.slug} value={one.slug}>
            {one.name}
          </option>
        ))}
      </SelectField>
      <TextField
        label={`${t.description} (${uiTexts.optional})`}
        hint={t.descriptionHint}
        maxLength={1000}
        {...field("description")}
      />
      <ParametersField
        pipeline={pipeline}
        value={parameters}
        onChange={setParameters}
        judged={judged}
      />
      <SelectField
        label={t.priority}
        value={form.priority}
        onChange={(event) =>
          setForm((old) => ({ ...old, priority: event.target.value as Priority }))
        }
      >
        {Object.entries(jobTexts.priorities).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </SelectField>
      {save.error && (
        <ErrorMessage
          error={save.error}
          retry={isOutdated ? onOutdated : undefined}
          go={t.asItIs}
        />
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>{uiTexts.cancel}</Button>
        <Button type="submit" kind="accent" busy={save.isPending}>
          {preset ? t.save : t.go}
        </Button>
      </div>
    </form>
  )
}
