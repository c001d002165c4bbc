/** The estimated number of images and duration of a job before it starts. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { useProject } from "../projects/projectContext"
import { formatDuration } from "../ui/time"
import { runTexts } from "./en"
import { jobsQuery } from "./queries"
import type { RunTarget } from "./RunTargetSelect"
import { useRunningJobs } from "./runningJobs"
import { countTasksAhead, estimateThroughput } from "./throughput"

interface RunEstimateProps {
  what: RunTarget
  /** Undefined while the images are counted; null if counting failed. */
  count: number | null | undefined
  isEstimate: boolean
  /** Whether the job can skip some of the counted images. */
  atMost: boolean
}

export function RunEstimate({ what: { pipeline }, count, isEstimate, atMost }: RunEstimateProps) {
  const project = useProject()
  const { data } = useInfiniteQuery(jobsQuery(project.id, undefined))
  const jobs = data?.pages.flatMap((page) => page.results) ?? []
  const { jobs: running } = useRunningJobs()
  const t = runTexts
  const pace =
    pipeline && data
      ? estimateThroughput(
          [...jobs, ...(running ?? []).filter((job) => !jobs.some((one) => one.id === job.id))],
          pipeline.slug,
        )
      : null
  const ahead = countTasksAhead(running ?? [])
  const time = () => {
    if (!count || !pipeline || !data) return null
    if (!pipeline.online) return t.waits
    return pace
      ? t.duration(formatDuration(Math.max(1, count / pace.imagesPerS)), pace.now)
      : t.noPace
  }
  const said = time()
  return (
    <p className="run-summary" role="status" data-testid="run-sum">
      {count === undefined && t.counting}
      {count === null && t.notCounted}
      {count === 0 && <span className="amber">{t.nothing}</span>}
      {count ? (
        <>
          <b>{t.sum(count, isEstimate, atMost)}</b>
          {said && `: ${said}`}. {ahead > 0 && t.ahead(ahead)}
        </>
      ) : null}
    </p>
  )
}
