/** The jobs of a project, newest first, with live updates. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { Play } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import type { Job, JobState } from "../api/types"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { MoreButton } from "../ui/MoreButton"
import { useUrlQuery } from "../ui/urlQuery"
import { ProgressBar } from "./ProgressBar"
import { RunDialog } from "./RunDialog"
import { JobTag } from "./statusTags"
import "./runs.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatCount, uiTexts } from "../ui/en"
import { formatDuration, Timestamp } from "../ui/time"
import { formatStatusReason, jobTexts, runTexts } from "./en"
import { jobsQuery } from "./queries"

const STATES: JobState[] = ["queued", "processing", "completed", "failed", "canceled"]

export function JobsPage() {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const status = STATES.find((state) => state === search.get("status"))
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    jobsQuery(project.id, status),
  )
  const [starting, setStarting] = useState(false)
  const jobs = data?.pages.flatMap((page) => page.results) ?? []
  const t = jobTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const start = canManage(project) && (
    <Button kind="accent" icon={<Play size={15} aria-hidden />} onClick={() => setStarting(true)}>
      {t.start}
    </Button>
  )
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{t.title}</h1>
        <div className="actions">{start}</div>
      </div>
      <div className="tabs">
        {[undefined, ...STATES].map((state) => (
          <button
            key={state ?? "all"}
            type="button"
            className="tab"
            aria-pressed={state === status}
            onClick={() =>
              setSearch((next) => (state ? next.set("status", state) : next.delete("status")))
            }
          >
            {state ? t.states[state] : uiTexts.all}
          </button>
        ))}
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={72} />}
      {data &&
        jobs.length === 0 &&
        (status ? (
          <p className="soft">{t.noneState}</p>
        ) : (
          <EmptyState title={t.noneTitle} text={t.none}>
            {start}
          </EmptyState>
        ))}
      <ul className="rows">
        {jobs.map((job) => (
          <li key={job.id} data-job-id={job.id}>
            <div className="row-head">
              <Link href={paths.job(project.id, job.id)}>
                {job.name || t.noName(job.pipeline_slug, job.id)}
              </Link>
              <span className="faint hide-phone">
                {job.pipeline_slug}
                {job.automatic ? `, ${t.standing}` : ""}
              </span>
              <JobTag job={job} />
            </div>
            <ProgressBar progress={job.progress} />
            <div className="row-head small soft">
              <span>{formatStatusReason(job.status_reason)}</span>
              <span className="nowrap">
                {job.progress.failed > 0 && (
                  <span className="red">
                    {formatCount(job.progress.failed)} {t.counts.failed},{" "}
                  </span>
                )}
                {t.of(
                  job.progress.completed + job.progress.failed + job.progress.canceled,
                  job.progress.total,
                )}
                {job.images_per_s !== null ? `, ${t.perMinute(job.images_per_s)}` : ""}
                {job.seconds_left !== null ? `, ${formatDuration(job.seconds_left)}` : ""}
              </span>
            </div>
            <JobRequest job={job} />
          </li>
        ))}
      </ul>
      <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
      {starting && <RunDialog onClose={() => setStarting(false)} />}
    </div>
  )
}

/** The target of a job, the user who created it, and its times. */
function JobRequest({ job }: { job: Job }) {
  const t = runTexts
  return (
    <p className="job-request small faint" data-testid="asked">
      {job.preset && (
        <span>
          {t.preset} {job.preset}
        </span>
      )}
      {job.content_preview && <span>{job.content_preview}</span>}
      <span>
        {job.requested_by ? `${jobTexts.by} ${job.requested_by}` : t.asked},{" "}
        <Timestamp at={job.created_at} />
      </span>
      {job.started_at && (
        <span>
          {t.began} <Timestamp at={job.started_at} short />
        </span>
      )}
      {job.finished_at && (
        <span>
          {t.ended} <Timestamp at={job.finished_at} short />
        </span>
      )}
    </p>
  )
}
