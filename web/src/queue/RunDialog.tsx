/**
 * The dialog that starts a job: preset or pipeline, images and priority. It shows the number of
 * images in advance.
 */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useRef, useState } from "react"
import { useLocation } from "wouter"
import { api, generateIdempotencyKey, unwrap } from "../api/client"
import type { Priority } from "../api/types"
import {
  type ImageFilter,
  imageCountQuery,
  listDeploymentIds,
  listImageIds,
  NO_FILTER,
} from "../images/queries"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import "./runs.css"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { uiTexts } from "../ui/en"
import { startOfDay } from "../ui/localTime"
import { showToast } from "../ui/Toasts"
import { jobTexts, runTexts, workerTexts } from "./en"
import { ImageUrlsField, parseImageUrls } from "./ImageUrlsField"
import { ParametersField, parseParameters } from "./ParametersField"
import { pipelinesQuery, presetsQuery } from "./queries"
import { RunEstimate } from "./RunEstimate"
import { getPresetKey, listRunTargets, type RunTarget, RunTargetSelect } from "./RunTargetSelect"

export interface RunDialogProps {
  /** IDs of the selected images. */
  images?: string[]
  /** The current filter of the grid. */
  filter?: ImageFilter
  /** The name of the preset that is selected at first. */
  preset?: string
  onClose: () => void
}

export function RunDialog({
  images = [],
  filter: given = NO_FILTER,
  preset = "",
  onClose,
}: RunDialogProps) {
  const project = useProject()
  // Jobs exclude deleted images, so the filter does too.
  const filter = { ...given, deleted: "" }
  const { data: pipelines, error } = useQuery(pipelinesQuery(project.id))
  const { data: presets, error: failed } = useQuery(presetsQuery(project.id))
  const t = runTexts
  const trouble = error ?? failed
  const isNone = pipelines?.results.length === 0
  return (
    <Dialog open onClose={onClose} title={t.title}>
      {trouble && <ErrorMessage error={trouble} />}
      {!trouble && !isNone && !(pipelines && presets) && <SkeletonRows rows={3} />}
      {isNone && (
        <EmptyState title={t.noneTitle} text={t.none}>
          <LinkButton kind="accent" href={paths.workers(project.id)}>
            {workerTexts.connect}
          </LinkButton>
        </EmptyState>
      )}
      {pipelines && presets && !isNone && (
        <RunForm
          all={listRunTargets(presets.results, pipelines.results)}
          images={images}
          filter={filter}
          first={preset && getPresetKey(preset)}
          onClose={onClose}
        />
      )}
    </Dialog>
  )
}

/**
 * The option "images of the current filter", offered if that is more than a deployment and a time.
 */
const MATCHING = "fitting"
/** The option for images that the server downloads from URLs. */
const URLS = "addresses"
/**
 * Maximum number of image IDs per job. Filters by class, confidence or state are sent as IDs; a
 * deployment and a time are not and have no limit.
 */
const MAX_MATCHING = 100_000

interface RunFormProps {
  all: RunTarget[]
  images: string[]
  filter: ImageFilter
  first: string
  onClose: () => void
}

function RunForm({ all, images, filter, first, onClose }: RunFormProps) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const canFit =
    images.length === 0 &&
    Boolean(
      listDeploymentIds(filter).length > 1 ||
        filter.class ||
        filter.analysis_state ||
        filter.confidence ||
        filter.tag ||
        filter.starred ||
        filter.sequence,
    )
  const [chosen, setChosen] = useState(first)
  const [which, setWhich] = useState(canFit ? MATCHING : filter.deployment)
  const [addresses, setAddresses] = useState("")
  const [into, setInto] = useState(listDeploymentIds(filter)[0] ?? "")
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
  const t = runTexts

  const what =
    all.find((one) => one.key === chosen && one.pipeline) ??
    all.find((one) => !one.preset && one.pipeline?.online) ??
    all.find((one) => one.pipeline)
  const preset = what?.preset
  const named = which === URLS ? parseImageUrls(addresses) : null
  const byIds = images.length > 0 || which === MATCHING
  // A job of a preset analyses images that are given by ID without further filters.
  const mayPass = !(preset && byIds) && !named
  const isCounted = images.length === 0 && !named
  const wanted: ImageFilter =
    which === MATCHING ? filter : { ...NO_FILTER, deployment: named ? "" : which, from, to }
  const counted = useQuery({
    ...imageCountQuery(project.id, wanted),
    enabled: isCounted,
    placeholderData: keepPreviousData,
  })
  const count = isCounted
    ? counted.error
      ? null
      : counted.data?.count
    : named
      ? named.urls.length
      : images.length
  const isEstimate = isCounted && (counted.data?.isEstimate ?? false)
  const tooMany = which === MATCHING && (count ?? 0) > MAX_MATCHING

  /**
   * The key depends on the request: sending the same one again after a lost response does not
   * create a second job, a changed one does.
   */
  const keyOf = (wish: object) => {
    const said = JSON.stringify(wish)
    if (sent.current.said !== said) sent.current = { said, key: generateIdempotencyKey() }
    return { "Idempotency-Key": sent.current.key }
  }
  const start = useMutation({
    meta: { saysItself: true },
    mutationFn: async (body: Record<string, unknown>): Promise<number> => {
      if (!what?.pipeline) throw new Error("nothing is chosen that could run")
      const ids =
        images.length > 0
          ? images
          : which === MATCHING
            ? await listImageIds(project.id, filter, MAX_MATCHING, setRead)
            : null
      const passing = mayPass && unanalysed
      const selection = ids
        ? { images: ids, unanalysed_only: passing }
        : {
            deployment: which || undefined,
            captured_after: startOfDay(from),
            captured_before: startOfDay(to, 1),
            unanalysed_only: passing,
          }
      const shared = { project: project.id, parameters: body }
      const begin = later ? "later" : "now"
      if (preset || named) {
        const chosenOne = preset ? { preset: preset.name } : { pipeline: what.pipeline.slug }
        const content = named
          ? { urls: named.urls, deployment: into || undefined, unanalysed_only: false }
          : selection
        const run = {
          ...shared,
          ...chosenOne,
          content,
          priority: priority || null,
          metadata: {},
          start: begin,
        } as const
        const accepted = await unwrap(api.POST("/pipeline/run", { body: run, headers: keyOf(run) }))
        return Number(accepted.job_id.replace("job-", ""))
      }
      const job = {
        ...shared,
        pipeline: what.pipeline.slug,
        name: name.trim() || null,
        selection,
        priority: priority || "normal",
        start: begin,
      } as const
      return (await unwrap(api.POST("/api/v2/jobs", { body: job, headers: keyOf(job) }))).id
    },
    onSuccess: (job) => {
      void client.invalidateQueries({ queryKey: ["job", project.id] })
      showToast(later ? t.madeLater : t.started)
      onClose()
      go(paths.job(project.id, job))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setJudged(true)
    const given = parseParameters(parameters)
    if (given) start.mutate(given)
    else setOpen(true)
  }
  return (
    <form className="form" onSubmit={submit}>
      <RunTargetSelect all={all} chosen={what} onChoose={setChosen} />
      {images.length > 0 ? (
        <p>{t.byIds(images.length)}</p>
      ) : (
        <>
          <SelectField
            label={t.which}
            value={which}
            onChange={(event) => setWhich(event.target.value)}
            error={tooMany ? t.tooMany(MAX_MATCHING) : undefined}
          >
            {canFit && <option value={MATCHING}>{t.fitting}</option>}
            <option value={URLS}>{t.atAddresses}</option>
            <option value="">{t.everything}</option>
            {deployments?.results.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </SelectField>
          {named && (
            <ImageUrlsField
              value={addresses}
              onChange={setAddresses}
              into={into}
              onInto={setInto}
              deployments={deployments?.results ?? []}
            />
          )}
          {which !== MATCHING && !named && (
            <div className="form-row run-period">
              <TextField
                label={t.from}
                type="date"
                value={from}
                onChange={(event) => setFrom(event.target.value)}
              />
              <TextField
                label={t.to}
                type="date"
                value={to}
                onChange={(event) => setTo(event.target.value)}
              />
            </div>
          )}
        </>
      )}
      {mayPass && (
        <Check
          label={t.unanalysed}
          checked={unanalysed}
          onChange={(event) => setUnanalysed(event.target.checked)}
        />
      )}
      <div className="form-row">
        <SelectField
          label={t.priority}
          value={priority || (preset ? "" : "normal")}
          onChange={(event) => setPriority(event.target.value as Priority | "")}
        >
          {preset && (
            <option value="">
              {t.asPreset(jobTexts.priorities[preset.priority] ?? preset.priority)}
            </option>
          )}
          {Object.entries(jobTexts.priorities).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </SelectField>
        {!preset && !named && (
          <TextField
            label={`${t.name} (${uiTexts.optional})`}
            maxLength={255}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </div>
      <details className="more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{uiTexts.moreSettings}</summary>
        <div className="form">
          <ParametersField
            pipeline={what?.pipeline}
            value={parameters}
            onChange={setParameters}
            judged={judged}
            preset={preset?.parameters}
          />
        </div>
      </details>
      <Check label={t.later} checked={later} onChange={(event) => setLater(event.target.checked)} />
      {start.isPending && which === MATCHING && images.length === 0 && (
        <p className="soft" role="status">
          {t.reading(read, count ?? 0)}
        </p>
      )}
      {what && (count || !named) ? (
        <RunEstimate
          what={what}
          count={count}
          isEstimate={isEstimate}
          atMost={mayPass && unanalysed}
        />
      ) : null}
      {start.error && <ErrorMessage error={start.error} />}
      <div className="dialog-actions">
        <Button onClick={onClose}>{uiTexts.cancel}</Button>
        <Button
          type="submit"
          kind="accent"
          busy={start.isPending}
          disabled={!what || count === 0 || tooMany || Boolean(named?.problem)}
        >
          {later ? t.goLater : t.go}
        </Button>
      </div>
    </form>
  )
}
