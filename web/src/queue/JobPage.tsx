/** One job with live updates: progress and its reason, findings, failures and history. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Pause, Pencil, Play, RotateCcw, X } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { JobDetail, Priority } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { paths, withSearch } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button, IconButton } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { JobFailures } from "./JobFailures"
import { ProgressBar } from "./ProgressBar"
import { JobTag } from "./statusTags"
import "./runs.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { NotFound } from "../errors/NotFound"
import { findingTexts } from "../findings/en"
import { formatCount, uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { formatDuration, Timestamp } from "../ui/time"
import { formatStatusReason, jobTexts, runTexts } from "./en"
import { jobQuery } from "./queries"
import "../overview/overview.css"

type JobAction = "run" | "cancel" | "pause" | "resume" | "retry"

/** List the actions that the state of a job allows; failed tasks are retried in their list. */
function listActions(job: JobDetail): JobAction[] {
  if (job.status === "canceled") return ["retry"]
  if (job.status === "completed" || job.status === "failed") return []
  return [job.not_started ? "run" : job.paused ? "resume" : "pause", "cancel"]
}

const DONE_TEXT: Record<JobAction, string> = {
  run: jobTexts.ran,
  cancel: jobTexts.canceled,
  pause: jobTexts.paused,
  resume: jobTexts.resumed,
  retry: jobTexts.retried,
}
const ICON: Record<JobAction, React.ReactNode> = {
  run: <Play size={15} aria-hidden />,
  cancel: <X size={15} aria-hidden />,
  pause: <Pause size={15} aria-hidden />,
  resume: <Play size={15} aria-hidden />,
  retry: <RotateCcw size={15} aria-hidden />,
}

export function JobPage({ job: id }: { job: number }) {
  const project = useProject()
  const client = useQueryClient()
  const {
    data: job,
    error,
    refetch,
  } = useQuery({ ...jobQuery(project.id, id), enabled: Number.isSafeInteger(id) })
  const [asking, setAsking] = useState(false)
  const t = jobTexts
  const act = useMutation({
    mutationFn: (what: JobAction) => {
      const params = { params: { path: { job_id: id } } }
      const calls = {
        run: () => api.POST("/api/v2/jobs/{job_id}/run", params),
        cancel: () => api.POST("/api/v2/jobs/{job_id}/cancel", params),
        pause: () => api.POST("/api/v2/jobs/{job_id}/pause", params),
        resume: () => api.POST("/api/v2/jobs/{job_id}/resume", params),
        retry: () => api.POST("/api/v2/jobs/{job_id}/retry", params),
      }
      return unwrap(calls[what]())
    },
    onSuccess: (_, what) => showToast(DONE_TEXT[what]),
    onSettled: () => {
      setAsking(false)
      return client.invalidateQueries({ queryKey: ["job", project.id] })
    },
  })
  const name = job ? job.name || t.noName(job.pipeline_slug, job.id) : ""
  useEffect(() => {
    if (name) document.title = `${name} · ${project.name}`
  }, [name, project.name])
  if (!Number.isSafeInteger(id) || (error instanceof ApiProblem && error.status === 404))
    return <NotFound inside />
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!job) return <SkeletonRows rows={6} />
  const p = job.progress
  return (
    <div className="narrow" data-testid="job">
      <Link href={paths.jobs(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1>{name}</h1>
        {canManage(project) && <RenameForm key={name} job={job} name={name} />}
        <JobTag job={job} />
        {canManage(project) && (
          <div className="actions">
            {listActions(job).map((what) => (
              <Button
                key={what}
                kind={what === "cancel" ? "danger" : what === "run" ? "accent" : "plain"}
                icon={ICON[what]}
                busy={act.isPending && act.variables === what}
                onClick={() => (what === "cancel" ? setAsking(true) : act.mutate(what))}
              >
                {t[what]}
              </Button>
            ))}
          </div>
        )}
      </div>
      <p className="job-reason" data-testid="why">
        {formatStatusReason(job.status_reason)}
      </p>
      <div className="job-progress">
        <ProgressBar progress={p} />
      </div>
      <div className="job-figures soft" data-testid="progress">
        <span>
          <b>
            {p.expected
              ? t.ofAbout(p.completed + p.failed + p.canceled, Math.max(p.expected, p.total))
              : t.of(p.completed + p.failed + p.canceled, p.total)}
          </b>
          {job.expanded ? "" : `, ${t.growing}`}
        </span>
        {(["queued", "processing", "completed", "failed", "canceled"] as const)
          .filter((state) => p[state] > 0)
          .map((state) => (
            <span key={state} className={state === "failed" ? "red" : undefined}>
              {formatCount(p[state])} {t.counts[state]}
            </span>
          ))}
        {job.images_per_s !== null && <span>{t.perMinute(job.images_per_s)}</span>}
        {job.seconds_left !== null && (
          <span>
            {t.left}: {formatDuration(job.seconds_left)}
          </span>
        )}
      </div>
      {p.failed > 0 && (
        <section className="section">
          <h2>{t.failures}</h2>
          <JobFailures job={job} />
        </section>
      )}
      <div className="two-columns">
        <div>
          <section className="section">
            <h2>{t.finds(job.finished_at !== null)}</h2>
            <JobResults job={job} />
          </section>
          {p.failed === 0 && (
            <section className="section">
              <h2>{t.failures}</h2>
              <JobFailures job={job} />
            </section>
          )}
        </div>
        <div>
          <section className="section">
            <h2>{t.history}</h2>
            <ul className="rows">
              {[...job.transitions].reverse().map((move) => (
                <li key={move.number}>
                  <div className="row-head">
                    <span>
                      {t.states[move.to_state]}
                      {move.attempt > 1 && (
                        <span className="faint">, {runTexts.attempt(move.attempt)}</span>
                      )}
                    </span>
                    <span className="soft small">
                      <Timestamp at={move.at} />
                    </span>
                  </div>
                  <p className="soft small">
                    {move.actor}
                    {move.reason ? `: ${move.reason}` : ""}
                  </p>
                </li>
              ))}
            </ul>
          </section>
          <section className="section">
            <dl className="facts">
              {job.preset && (
                <>
                  <dt>{runTexts.preset}</dt>
                  <dd>
                    <Link href={paths.presets(project.id)}>{job.preset}</Link>
                  </dd>
                </>
              )}
              <dt>{t.pipeline}</dt>
              <dd>
                {job.pipeline_slug} <span className="faint">{job.pipeline_version}</span>
              </dd>
              {job.content_preview && (
                <>
                  <dt>{runTexts.content}</dt>
                  <dd>{job.content_preview}</dd>
                </>
              )}
              <JobObject title={runTexts.parameters} given={job.parameters} />
              <JobObject title={runTexts.metadata} given={job.metadata} />
              <dt>{t.priority}</dt>
              <dd>
                {canManage(project) ? <PrioritySelect job={job} /> : t.priorities[job.priority]}
              </dd>
              {job.requested_by && (
                <>
                  <dt>{t.by}</dt>
                  <dd>{job.requested_by}</dd>
                </>
              )}
              <dt>{t.created}</dt>
              <dd>
                <Timestamp at={job.created_at} />
              </dd>
              {job.started_at && (
                <>
                  <dt>{t.started}</dt>
                  <dd>
                    <Timestamp at={job.started_at} />
                  </dd>
                </>
              )}
              {job.finished_at && (
                <>
                  <dt>{t.finished}</dt>
                  <dd>
                    <Timestamp at={job.finished_at} />
                  </dd>
                </>
              )}
            </dl>
          </section>
        </div>
      </div>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={t.cancelAsk}
        text={t.cancelText}
        go={t.cancelGo}
        keep={t.keep}
        busy={act.isPending}
        onGo={() => act.mutate("cancel")}
      />
    </div>
  )
}

/** A JSON object that is part of the job; nothing if it is empty. */
function JobObject({ title, given }: { title: string; given: Record<string, unknown> }) {
  if (Object.keys(given).length === 0) return null
  return (
    <>
      <dt>{title}</dt>
      <dd>
        <pre>{JSON.stringify(given, null, 2)}</pre>
      </dd>
    </>
  )
}

function useJobUpdate(job: JobDetail) {
  const project = useProject()
  const client = useQueryClient()
  return useMutation({
    mutationFn: (change: { name?: string; priority?: Priority }) =>
      unwrap(
        api.PATCH("/api/v2/jobs/{job_id}", { params: { path: { job_id: job.id } }, body: change }),
      ),
    onSuccess: (_, { priority }) =>
      showToast(
        priority
          ? jobTexts.prioritized(jobTexts.priorities[priority] ?? priority)
          : jobTexts.renamed,
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ["job", project.id] }),
  })
}

function PrioritySelect({ job }: { job: JobDetail }) {
  const change = useJobUpdate(job)
  return (
    <select
      className="input input-small"
      aria-label={jobTexts.priority}
      value={job.priority}
      disabled={change.isPending}
      onChange={(event) => change.mutate({ priority: event.target.value as Priority })}
    >
      {Object.entries(jobTexts.priorities).map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  )
}

function RenameForm({ job, name }: { job: JobDetail; name: string }) {
  const [open, setOpen] = useState(false)
  const [text, setText] = useState(name)
  const change = useJobUpdate(job)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate({ name: text.trim() }, { onSuccess: () => setOpen(false) })
  }
  return (
    <>
      <IconButton label={jobTexts.rename} onClick={() => setOpen(true)}>
        <Pencil size={15} />
      </IconButton>
      <Dialog open={open} onClose={() => setOpen(false)} title={jobTexts.renameTitle}>
        <form className="form" onSubmit={submit}>
          <TextField
            label={jobTexts.name}
            required
            maxLength={255}
            autoFocus
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <div className="dialog-actions">
            <Button onClick={() => setOpen(false)}>{uiTexts.cancel}</Button>
            <Button type="submit" kind="accent" busy={change.isPending} disabled={!text.trim()}>
              {uiTexts.save}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  )
}

function JobResults({ job }: { job: JobDetail }) {
  const classColour = useClassColour()
  const project = useProject()
  const classes = Object.entries(job.classes).sort(([, a], [, b]) => b - a)
  const most = Math.max(1, job.nothing_found, ...classes.map(([, count]) => count))
  if (classes.length === 0 && job.nothing_found === 0)
    return <p className="soft">{jobTexts.noFinds}</p>
  return (
    <div className="class-bars">
      {classes.map(([name, count]) => (
        <Link key={name} href={withSearch(paths.images(project.id), { class: name })}>
          <i style={{ width: `${(100 * count) / most}%`, background: classColour(name) }} />
          <span className="dot" style={{ background: classColour(name) }} />
          <span>{name || findingTexts.noClass}</span>
          <b>{formatCount(count)}</b>
        </Link>
      ))}
      {job.nothing_found > 0 && (
        <Link href={withSearch(paths.images(project.id), { analysis_state: "completed" })}>
          <i
            style={{
              width: `${(100 * job.nothing_found) / most}%`,
              background: "var(--ink-faint)",
            }}
          />
          <span className="dot" style={{ background: "var(--line-strong)" }} />
          <span className="soft">{jobTexts.nothingFound}</span>
          <b>{formatCount(job.nothing_found)}</b>
        </Link>
      )}
    </div>
  )
}
