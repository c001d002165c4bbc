/** Starts a job: which pipeline, which images, how soon. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askDeployments, askPipelines, type ImageFilter, startOfDay } from "../api/queries"
import type { Priority } from "../api/types"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../words/en"
import { useProject } from "./project"

interface RunDialogProps {
  images?: string[]
  filter?: ImageFilter
  onClose: () => void
}

export function RunDialog({ images = [], filter, onClose }: RunDialogProps) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: pipelines, error } = useQuery(askPipelines(project.id))
  const { data: deployments } = useQuery(askDeployments(project.id))
  const [chosen, setChosen] = useState("")
  const [deployment, setDeployment] = useState(filter?.deployment ?? "")
  const [from, setFrom] = useState(filter?.from ?? "")
  const [to, setTo] = useState(filter?.to ?? "")
  const [unanalysed, setUnanalysed] = useState(false)
  const [priority, setPriority] = useState<Priority>("normal")
  const [name, setName] = useState("")
  const [later, setLater] = useState(false)
  const w = words.run
  const pipeline = chosen || (pipelines?.results.find((one) => one.online) ?? pipelines?.results[0])?.slug || ""
  const start = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const selection = images.length > 0
        ? { images, unanalysed_only: unanalysed }
        : { deployment: deployment || null, captured_after: startOfDay(from) ?? null, captured_before: startOfDay(to, 1) ?? null, unanalysed_only: unanalysed }
      return answer(api.POST("/api/v2/jobs", { body: { project: project.id, pipeline, name: name.trim() || null, selection, parameters: {}, priority, start: later ? "later" : "now" } }))
    },
    onSuccess: (job) => {
      void client.invalidateQueries({ queryKey: ["job", project.id] })
      toast(later ? w.madeLater : w.started)
      onClose()
      go(paths.job(project.id, job.id))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    start.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={w.title}>
      {error && <Trouble error={error} />}
      {!pipelines && !error && <SkeletonRows rows={3} />}
      {pipelines?.results.length === 0 && (
        <Empty title={w.noneTitle} text={w.none}><LinkButton kind="accent" href={paths.workers(project.id)}>{words.first.noPipelineGo}</LinkButton></Empty>
      )}
      {pipelines && pipelines.results.length > 0 && (
        <form className="form" onSubmit={submit}>
          <fieldset className="fieldset">
            <legend>{w.pipeline}</legend>
            {pipelines.results.map((one) => (
              <label key={one.slug} className="option">
                <input type="radio" name="pipeline" value={one.slug} checked={one.slug === pipeline} onChange={() => setChosen(one.slug)} />
                <div>
                  {one.name}
                  {one.description && <p>{one.description}</p>}
                  <p className={one.online ? "" : "amber"}>{one.online ? w.online : w.offline}</p>
                </div>
              </label>
            ))}
          </fieldset>
          {images.length > 0 ? <p>{w.byIds(images.length)}</p> : (
            <>
              <SelectField label={w.which} value={deployment} onChange={(event) => setDeployment(event.target.value)}>
                <option value="">{w.everything}</option>
                {deployments?.results.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
              </SelectField>
              <div className="form-row">
                <TextField label={w.from} type="date" value={from} onChange={(event) => setFrom(event.target.value)} />
                <TextField label={w.to} type="date" value={to} onChange={(event) => setTo(event.target.value)} />
              </div>
            </>
          )}
          <Check label={w.unanalysed} checked={unanalysed} onChange={(event) => setUnanalysed(event.target.checked)} />
          <div className="form-row">
            <SelectField label={w.priority} value={priority} onChange={(event) => setPriority(event.target.value as Priority)}>
              {Object.entries(words.job.priorities).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            </SelectField>
            <TextField label={`${w.name} (${words.common.optional})`} maxLength={255} value={name} onChange={(event) => setName(event.target.value)} />
          </div>
          <Check label={w.later} checked={later} onChange={(event) => setLater(event.target.checked)} />
          {start.error && <Trouble error={start.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{words.common.cancel}</Button>
            <Button type="submit" kind="accent" busy={start.isPending}>{later ? w.goLater : w.go}</Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
