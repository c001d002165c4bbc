/** Starts a job: a preset or a pipeline, over which images, how soon; and says before how many those are. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useRef, useState } from "react"
import { useLocation } from "wouter"
import { answer, api, makeKey } from "../api/client"
import { askImageCount, collectImages, type ImageFilter, noFilter } from "../images/queries"
import { askDeployments, askPipelines, askPresets, startOfDay } from "../api/queries"
import type { Priority } from "../api/types"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "./runs.css"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { runWords } from "./en"
import { ParametersField, readParameters } from "./ParametersField"
import { PictureAddresses, readAddresses } from "./PictureAddresses"
import { useProject } from "../projects/project"
import { keyOfPreset, listRunnable, RunChoice, type Runnable } from "./RunChoice"
import { RunSum } from "./RunSum"

export interface RunDialogProps {
  /** Those that were selected one by one. */
  images?: string[]
  /** What the grid is filtered by. */
  filter?: ImageFilter
  /** The name of the preset that is chosen at first. */
  preset?: string
  onClose: () => void
}

export function RunDialog({ images = [], filter: given = noFilter, preset = "", onClose }: RunDialogProps) {
  const project = useProject()
  // What is deleted is not run: the same filters over what is there.
  const filter = { ...given, deleted: "" }
  const { data: pipelines, error } = useQuery(askPipelines(project.id))
  const { data: presets, error: failed } = useQuery(askPresets(project.id))
  const w = runWords
  const trouble = error ?? failed
  const isNone = pipelines?.results.length === 0
  return (
    <Dialog open onClose={onClose} title={w.title}>
      {trouble && <Trouble error={trouble} />}
      {!trouble && !isNone && !(pipelines && presets) && <SkeletonRows rows={3} />}
      {isNone && (
        <Empty title={w.noneTitle} text={w.none}><LinkButton kind="accent" href={paths.workers(project.id)}>{words.first.noPipelineGo}</LinkButton></Empty>
      )}
      {pipelines && presets && !isNone && (
        <RunForm all={listRunnable(presets.results, pipelines.results)} images={images} filter={filter} first={preset && keyOfPreset(preset)} onClose={onClose} />
      )}
    </Dialog>
  )
}

/** The choice "what the grid shows", where that is more than a deployment and a time. */
const FITTING = "fitting"
/** The choice of pictures that are fetched from elsewhere. */
const ADDRESSES = "addresses"
/** So many images one job takes by their ids, as what fits class, confidence or state is sent; a deployment and a time have no such limit. */
const MOST_FITTING = 100_000

interface RunFormProps {
  all: Runnable[]
  images: string[]
  filter: ImageFilter
  first: string
  onClose: () => void
}

function RunForm({ all, images, filter, first, onClose }: RunFormProps) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const canFit = images.length === 0 && Boolean(filter.class || filter.analysis_state || filter.confidence || filter.tag || filter.starred || filter.sequence)
  const [chosen, setChosen] = useState(first)
  const [which, setWhich] = useState(canFit ? FITTING : filter.deployment)
  const [addresses, setAddresses] = useState("")
  const [into, setInto] = useState(filter.deployment)
  const [from, setFrom] = useState(filter.from)
  const [to, setTo] = useState(filter.to)
  const [unanalysed, setUnanalysed] = useState(false)
  const [priority, setPriority] = useState<Priority | "">("")
  const [parameters, setParameters] = useState("")
  const [open, setOpen] = useState(false)
  const [judged, setJudged] = useState(false)
  const [name, setName] = useState("")
  const [later, setLater] = useState(false)
  const [read, setRead] = useState(0)
  const sent = useRef({ said: "", key: "" })
  const w = runWords

  const what = all.find((one) => one.key === chosen && one.pipeline) ?? all.find((one) => !one.preset && one.pipeline?.online) ?? all.find((one) => one.pipeline)
  const preset = what?.preset
  const named = which === ADDRESSES ? readAddresses(addresses) : null
  const byIds = images.length > 0 || which === FITTING
  // A run of a preset takes the images that are named as they are.
  const mayPass = !(preset && byIds) && !named
  const isCounted = images.length === 0 && !named
  const wanted: ImageFilter = which === FITTING ? filter : { ...noFilter, deployment: named ? "" : which, from, to }
  const counted = useQuery({ ...askImageCount(project.id, wanted), enabled: isCounted, placeholderData: keepPreviousData })
  const count = isCounted ? (counted.error ? null : counted.data?.count) : named ? named.urls.length : images.length
  const isEstimate = isCounted && (counted.data?.isEstimate ?? false)
  const tooMany = which === FITTING && (count ?? 0) > MOST_FITTING

  /** Where an answer is lost on the way, pressing again is no second job; another wish is. */
  const keyOf = (wish: object) => {
    const said = JSON.stringify(wish)
    if (sent.current.said !== said) sent.current = { said, key: makeKey() }
    return { "Idempotency-Key": sent.current.key }
  }
  const start = useMutation({
    meta: { saysItself: true },
    mutationFn: async (body: Record<string, unknown>): Promise<number> => {
      if (!what?.pipeline) throw new Error("nothing is chosen that could run")
      const ids = images.length > 0 ? images : which === FITTING ? await collectImages(project.id, filter, MOST_FITTING, setRead) : null
      const passing = mayPass && unanalysed
      const selection = ids
        ? { images: ids, unanalysed_only: passing }
        : { deployment: which || undefined, captured_after: startOfDay(from), captured_before: startOfDay(to, 1), unanalysed_only: passing }
      const shared = { project: project.id, parameters: body }
      const begin = later ? "later" : "now"
      if (preset || named) {
        const chosenOne = preset ? { preset: preset.name } : { pipeline: what.pipeline.slug }
        const content = named ? { urls: named.urls, deployment: into || undefined, unanalysed_only: false } : selection
        const run = { ...shared, ...chosenOne, content, priority: priority || null, metadata: {}, start: begin } as const
        const accepted = await answer(api.POST("/pipeline/run", { body: run, headers: keyOf(run) }))
        return Number(accepted.job_id.replace("job-", ""))
      }
      const job = { ...shared, pipeline: what.pipeline.slug, name: name.trim() || null, selection, priority: priority || "normal", start: begin } as const
      return (await answer(api.POST("/api/v2/jobs", { body: job, headers: keyOf(job) }))).id
    },
    onSuccess: (job) => {
      void client.invalidateQueries({ queryKey: ["job", project.id] })
      toast(later ? w.madeLater : w.started)
      onClose()
      go(paths.job(project.id, job))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setJudged(true)
    const given = readParameters(parameters)
    if (given) start.mutate(given)
    else setOpen(true)
  }
  return (
    <form className="form" onSubmit={submit}>
      <RunChoice all={all} chosen={what} onChoose={setChosen} />
      {images.length > 0 ? <p>{w.byIds(images.length)}</p> : (
        <>
          <SelectField label={w.which} value={which} onChange={(event) => setWhich(event.target.value)} error={tooMany ? w.tooMany(MOST_FITTING) : undefined}>
            {canFit && <option value={FITTING}>{w.fitting}</option>}
            <option value={ADDRESSES}>{w.atAddresses}</option>
            <option value="">{w.everything}</option>
            {deployments?.results.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
          </SelectField>
          {named && <PictureAddresses value={addresses} onChange={setAddresses} into={into} onInto={setInto} deployments={deployments?.results ?? []} />}
          {which !== FITTING && !named && (
            <div className="form-row run-period">
              <TextField label={w.from} type="date" value={from} onChange={(event) => setFrom(event.target.value)} />
              <TextField label={w.to} type="date" value={to} onChange={(event) => setTo(event.target.value)} />
            </div>
          )}
        </>
      )}
      {mayPass && <Check label={w.unanalysed} checked={unanalysed} onChange={(event) => setUnanalysed(event.target.checked)} />}
      <div className="form-row">
        <SelectField label={w.priority} value={priority || (preset ? "" : "normal")} onChange={(event) => setPriority(event.target.value as Priority | "")}>
          {preset && <option value="">{w.asPreset(words.job.priorities[preset.priority] ?? preset.priority)}</option>}
          {Object.entries(words.job.priorities).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
        </SelectField>
        {!preset && !named && <TextField label={`${w.name} (${words.common.optional})`} maxLength={255} value={name} onChange={(event) => setName(event.target.value)} />}
      </div>
      <details className="more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{words.source.more}</summary>
        <div className="form"><ParametersField pipeline={what?.pipeline} value={parameters} onChange={setParameters} judged={judged} preset={preset?.parameters} /></div>
      </details>
      <Check label={w.later} checked={later} onChange={(event) => setLater(event.target.checked)} />
      {start.isPending && which === FITTING && images.length === 0 && <p className="soft" role="status">{w.reading(read, count ?? 0)}</p>}
      {what && (count || !named) ? <RunSum what={what} count={count} isEstimate={isEstimate} atMost={mayPass && unanalysed} /> : null}
      {start.error && <Trouble error={start.error} />}
      <div className="dialog-actions">
        <Button onClick={onClose}>{words.common.cancel}</Button>
        <Button type="submit" kind="accent" busy={start.isPending} disabled={!what || count === 0 || tooMany || Boolean(named?.problem)}>{later ? w.goLater : w.go}</Button>
      </div>
    </form>
  )
}
