/** How many images a run takes and about how long, before it is asked for. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { askJobs } from "../api/queries"
import { duration } from "../ui/time"
import { runWords } from "./en"
import { countAhead, findPace } from "./pace"
import { useProject } from "../projects/project"
import type { Runnable } from "./RunChoice"
import { useRunning } from "./running"

interface RunSumProps {
  what: Runnable
  /** Undefined while the images are being counted; null where that failed. */
  count: number | null | undefined
  isEstimate: boolean
  /** Whether some of those counted are left out. */
  atMost: boolean
}

export function RunSum({ what: { pipeline }, count, isEstimate, atMost }: RunSumProps) {
  const project = useProject()
  const { data } = useInfiniteQuery(askJobs(project.id, undefined))
  const jobs = data?.pages.flatMap((page) => page.results) ?? []
  const { jobs: running } = useRunning()
  const w = runWords
  const pace = pipeline && data ? findPace([...jobs, ...(running ?? []).filter((job) => !jobs.some((one) => one.id === job.id))], pipeline.slug) : null
  const ahead = countAhead(running ?? [])
  const time = () => {
    if (!count || !pipeline || !data) return null
    if (!pipeline.online) return w.waits
    return pace ? w.takes(duration(Math.max(1, count / pace.imagesPerS)), pace.now) : w.noPace
  }
  const said = time()
  return (
    <p className="run-sum" role="status" data-testid="run-sum">
      {count === undefined && w.counting}
      {count === null && w.notCounted}
      {count === 0 && <span className="amber">{w.nothing}</span>}
      {count ? <><b>{w.sum(count, isEstimate, atMost)}</b>{said && `: ${said}`}. {ahead > 0 && w.ahead(ahead)}</> : null}
    </p>
  )
}
