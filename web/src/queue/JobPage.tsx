/** One job, live: how far it is and why, what it found, what failed, its history. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Pause, Pencil, Play, RotateCcw, X } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { Link } from "wouter"
import { ApiProblem } from "../api/problems"
import { answer, api } from "../api/client"
import { askJob } from "../api/queries"
import type { JobDetail, Priority } from "../api/types"
import { useClassColour } from "../findings/classes"
import { JobFailures } from "./JobFailures"
import { mayManage, useProject } from "../projects/project"
import { JobTag, ProgressBar } from "./states"
import { paths, withSearch } from "../paths"
import { Button, IconButton } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { SkeletonRows, Trouble } from "../ui/Notice"
import "./runs.css"
import { duration, When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { runWords } from "./en"
import { NotFound } from "../errors/NotFound"

type Act = "run" | "cancel" | "pause" | "resume" | "retry"

/** What may be done with a job in its state; what failed is retried where it is listed. */
function actsOf(job: JobDetail): Act[] {
  if (job.status === "canceled") return ["retry"]
  if (job.status === "completed" || job.status === "failed") return []
  return [job.not_started ? "run" : job.paused ? "resume" : "pause", "cancel"]
}

const SAID: Record<Act, string> = {
  run: words.job.ran, cancel: words.job.canceled, pause: words.job.paused, resume: words.job.resumed, retry: words.job.retried,
}
const ICON: Record<Act, React.ReactNode> = {
  run: <Play size={15} aria-hidden />,
  cancel: <X size={15} aria-hidden />, pause: <Pause size={15} aria-hidden />, resume: <Play size={15} aria-hidden />, retry: <RotateCcw size={15} aria-hidden />,
}

export function JobPage({ job: id }: { job: number }) {
  const project = useProject()
  const client = useQueryClient()
  const { data: job, error, refetch } = useQuery({ ...askJob(project.id, id), enabled: Number.isSafeInteger(id) })
  const [asking, setAsking] = useState(false)
  const w = words.job
  const act = useMutation({
    mutationFn: (what: Act) => {
      const params = { params: { path: { job_id: id } } }
      const calls = {
        run: () => api.POST("/api/v2/jobs/{job_id}/run", params),
        cancel: () => api.POST("/api/v2/jobs/{job_id}/cancel", params),
        pause: () => api.POST("/api/v2/jobs/{job_id}/pause", params),
        resume: () => api.POST("/api/v2/jobs/{job_id}/resume", params),
        retry: () => api.POST("/api/v2/jobs/{job_id}/retry", params),
      }
      return answer(calls[what]())
    },
    onSuccess: (_, what) => toast(SAID[what]),
    onSettled: () => {
      setAsking(false)
      return client.invalidateQueries({ queryKey: ["job", project.id] })
    },
  })
  const name = job ? job.name || w.noName(job.pipeline_slug, job.id) : ""
  useEffect(() => {
    if (name) document.title = `${name} · ${project.name}`
  }, [name, project.name])
  if (!Number.isSafeInteger(id) || (error instanceof ApiProblem && error.status === 404)) return <NotFound inside />
  if (error) return <Trouble error={error} retry={() => void refetch()} />
  if (!job) return <SkeletonRows rows={6} />
  const p = job.progress
  return (
    <div className="narrow" data-testid="job">
      <Link href={paths.jobs(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{w.title}</Link>
      <div className="page-head">
        <h1>{name}</h1>
        {mayManage(project) && <Rename key={name} job={job} name={name} />}
        <JobTag job={job} />
        {mayManage(project) && (
          <div className="actions">
            {actsOf(job).map((what) => (
              <Button key={what} kind={what === "cancel" ? "danger" : what === "run" ? "accent" : "plain"} icon={ICON[what]} busy={act.isPending && act.variables === what}
                onClick={() => (what === "cancel" ? setAsking(true) : act.mutate(what))}>{w[what]}</Button>
            ))}
          </div>
        )}
      </div>
      <p className="job-why" data-testid="why">{job.why}</p>
      <div className="job-big"><ProgressBar progress={p} /></div>
      <div className="job-figures soft" data-testid="progress">
        <span><b>{p.expected ? w.ofAbout(p.completed + p.failed + p.canceled, Math.max(p.expected, p.total)) : w.of(p.completed + p.failed + p.canceled, p.total)}</b>{job.expanded ? "" : `, ${w.growing}`}</span>
        {(["queued", "processing", "completed", "failed", "canceled"] as const).filter((state) => p[state] > 0).map((state) => (
          <span key={state} className={state === "failed" ? "red" : undefined}>{words.count(p[state])} {w.counts[state]}</span>
        ))}
        {job.images_per_s !== null && <span>{w.perMinute(job.images_per_s)}</span>}
        {job.seconds_left !== null && <span>{w.left}: {duration(job.seconds_left)}</span>}
      </div>
      {p.failed > 0 && (
        <section className="section">
          <h2>{w.failures}</h2>
          <JobFailures job={job} />
        </section>
      )}
      <div className="two">
        <div>
          <section className="section">
            <h2>{w.finds(job.finished_at !== null)}</h2>
            <Found job={job} />
          </section>
          {p.failed === 0 && (
            <section className="section">
              <h2>{w.failures}</h2>
              <JobFailures job={job} />
            </section>
          )}
        </div>
        <div>
          <section className="section">
            <h2>{w.history}</h2>
            <ul className="lines">
              {[...job.moves].reverse().map((move) => (
                <li key={move.number}>
                  <div className="line-head">
                    <span>{w.states[move.to_state]}{move.attempt > 1 && <span className="faint">, {runWords.attempt(move.attempt)}</span>}</span>
                    <span className="soft small"><When at={move.at} /></span>
                  </div>
                  <p className="soft small">{move.actor}{move.reason ? `: ${move.reason}` : ""}</p>
                </li>
              ))}
            </ul>
          </section>
          <section className="section">
            <dl className="facts">
              {job.preset && (<><dt>{runWords.preset}</dt><dd><Link href={paths.presets(project.id)}>{job.preset}</Link></dd></>)}
              <dt>{w.pipeline}</dt><dd>{job.pipeline_slug} <span className="faint">{job.pipeline_version}</span></dd>
              {job.content_preview && (<><dt>{runWords.content}</dt><dd>{job.content_preview}</dd></>)}
              <Given title={runWords.parameters} given={job.parameters} />
              <Given title={runWords.metadata} given={job.metadata} />
              <dt>{w.priority}</dt><dd>{mayManage(project) ? <ChoosePriority job={job} /> : w.priorities[job.priority]}</dd>
              {job.requested_by && (<><dt>{w.by}</dt><dd>{job.requested_by}</dd></>)}
              <dt>{w.created}</dt><dd><When at={job.created_at} /></dd>
              {job.started_at && (<><dt>{w.started}</dt><dd><When at={job.started_at} /></dd></>)}
              {job.finished_at && (<><dt>{w.finished}</dt><dd><When at={job.finished_at} /></dd></>)}
            </dl>
          </section>
        </div>
      </div>
      <Confirm open={asking} onClose={() => setAsking(false)} title={w.cancelAsk} text={w.cancelText} go={w.cancelGo} keep={w.keep} busy={act.isPending} onGo={() => act.mutate("cancel")} />
    </div>
  )
}

/** An object that was given with the job, where it has anything in it. */
function Given({ title, given }: { title: string; given: Record<string, unknown> }) {
  if (Object.keys(given).length === 0) return null
  return <><dt>{title}</dt><dd><pre>{JSON.stringify(given, null, 2)}</pre></dd></>
}

function useChange(job: JobDetail) {
  const project = useProject()
  const client = useQueryClient()
  return useMutation({
    mutationFn: (change: { name?: string; priority?: Priority }) =>
      answer(api.PATCH("/api/v2/jobs/{job_id}", { params: { path: { job_id: job.id } }, body: change })),
    onSuccess: (_, { priority }) => toast(priority ? words.job.prioritized(words.job.priorities[priority] ?? priority) : words.job.renamed),
    onSettled: () => client.invalidateQueries({ queryKey: ["job", project.id] }),
  })
}

function ChoosePriority({ job }: { job: JobDetail }) {
  const change = useChange(job)
  return (
    <select className="input input-small" aria-label={words.job.priority} value={job.priority} disabled={change.isPending}
      onChange={(event) => change.mutate({ priority: event.target.value as Priority })}>
      {Object.entries(words.job.priorities).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
    </select>
  )
}

function Rename({ job, name }: { job: JobDetail; name: string }) {
  const [open, setOpen] = useState(false)
  const [text, setText] = useState(name)
  const change = useChange(job)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate({ name: text.trim() }, { onSuccess: () => setOpen(false) })
  }
  return (
    <>
      <IconButton label={words.job.rename} onClick={() => setOpen(true)}><Pencil size={15} /></IconButton>
      <Dialog open={open} onClose={() => setOpen(false)} title={words.job.renameTitle}>
        <form className="form" onSubmit={submit}>
          <TextField label={words.job.name} required maxLength={255} autoFocus value={text} onChange={(event) => setText(event.target.value)} />
          <div className="dialog-actions">
            <Button onClick={() => setOpen(false)}>{words.common.cancel}</Button>
            <Button type="submit" kind="accent" busy={change.isPending} disabled={!text.trim()}>{words.common.save}</Button>
          </div>
        </form>
      </Dialog>
    </>
  )
}

function Found({ job }: { job: JobDetail }) {
  const classColour = useClassColour()
  const project = useProject()
  const classes = Object.entries(job.classes).sort(([, a], [, b]) => b - a)
  const most = Math.max(1, job.nothing_found, ...classes.map(([, count]) => count))
  if (classes.length === 0 && job.nothing_found === 0) return <p className="soft">{words.job.noFinds}</p>
  return (
    <div className="class-bars">
      {classes.map(([name, count]) => (
        <Link key={name} href={withSearch(paths.images(project.id), { class: name })}>
          <i style={{ width: `${(100 * count) / most}%`, background: classColour(name) }} />
          <span className="dot" style={{ background: classColour(name) }} />
          <span>{name || words.viewer.noClass}</span><b>{words.count(count)}</b>
        </Link>
      ))}
      {job.nothing_found > 0 && (
        <Link href={withSearch(paths.images(project.id), { analysis_state: "completed" })}>
          <i style={{ width: `${(100 * job.nothing_found) / most}%`, background: "var(--ink-faint)" }} />
          <span className="dot" style={{ background: "var(--line-strong)" }} />
          <span className="soft">{words.job.nothingFound}</span><b>{words.count(job.nothing_found)}</b>
        </Link>
      )}
    </div>
  )
}
