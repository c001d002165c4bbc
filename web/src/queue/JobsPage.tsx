/** The jobs of a project, newest first, live: who asked for what and when, how far each is and why. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { Play } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import { askJobs } from "../api/queries"
import type { Job, JobState } from "../api/types"
import { mayManage, useProject } from "../projects/project"
import { RunDialog } from "./RunDialog"
import { useSearch } from "../ui/search"
import { JobTag, ProgressBar } from "./states"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "./runs.css"
import { When, duration } from "../ui/time"
import { words } from "../en"
import { runWords } from "./en"

const STATES: JobState[] = ["queued", "processing", "completed", "failed", "canceled"]

export function JobsPage() {
  const project = useProject()
  const [search, setSearch] = useSearch()
  const status = STATES.find((state) => state === search.get("status"))
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askJobs(project.id, status))
  const [starting, setStarting] = useState(false)
  const jobs = data?.pages.flatMap((page) => page.results) ?? []
  const w = words.job
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])
  const start = mayManage(project) && <Button kind="accent" icon={<Play size={15} aria-hidden />} onClick={() => setStarting(true)}>{w.start}</Button>
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{w.title}</h1>
        <div className="actions">{start}</div>
      </div>
      <div className="tabs">
        {[undefined, ...STATES].map((state) => (
          <button key={state ?? "all"} type="button" className="tab" aria-pressed={state === status} onClick={() => setSearch((next) => (state ? next.set("status", state) : next.delete("status")))}>
            {state ? w.states[state] : words.common.all}
          </button>
        ))}
      </div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={72} />}
      {data && jobs.length === 0 && (status ? <p className="soft">{w.noneState}</p> : <Empty title={w.noneTitle} text={w.none}>{start}</Empty>)}
      <ul className="lines">
        {jobs.map((job) => (
          <li key={job.id} data-job-id={job.id}>
            <div className="line-head">
              <Link href={paths.job(project.id, job.id)}>{job.name || w.noName(job.pipeline_slug, job.id)}</Link>
              <span className="faint hide-phone">{job.pipeline_slug}{job.standing ? `, ${w.standing}` : ""}</span>
              <JobTag job={job} />
            </div>
            <ProgressBar progress={job.progress} />
            <div className="line-head small soft">
              <span>{job.why}</span>
              <span className="nowrap">
                {job.progress.failed > 0 && <span className="red">{words.count(job.progress.failed)} {w.counts.failed}, </span>}
                {w.of(job.progress.completed + job.progress.failed + job.progress.canceled, job.progress.total)}
                {job.images_per_s !== null ? `, ${w.perMinute(job.images_per_s)}` : ""}
                {job.seconds_left !== null ? `, ${duration(job.seconds_left)}` : ""}
              </span>
            </div>
            <Asked job={job} />
          </li>
        ))}
      </ul>
      {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
      {starting && <RunDialog onClose={() => setStarting(false)} />}
    </div>
  )
}

/** What was asked for, by whom and when, and when it began and ended. */
function Asked({ job }: { job: Job }) {
  const w = runWords
  return (
    <p className="job-asked small faint" data-testid="asked">
      {job.preset && <span>{w.preset} {job.preset}</span>}
      {job.content_preview && <span>{job.content_preview}</span>}
      <span>{job.requested_by ? `${words.job.by} ${job.requested_by}` : w.asked}, <When at={job.created_at} /></span>
      {job.started_at && <span>{w.began} <When at={job.started_at} short /></span>}
      {job.finished_at && <span>{w.ended} <When at={job.finished_at} short /></span>}
    </p>
  )
}
