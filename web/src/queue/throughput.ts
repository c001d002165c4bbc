/** How fast a pipeline goes, from what its jobs say of themselves. */
import type { Job } from "../api/types"

export interface Throughput {
  imagesPerS: number
  /** Whether it goes so fast now; else it went so in its last job. */
  now: boolean
}

/** A job of fewer images says little about the pace of many. */
const MIN_RESULTS = 20

/** Images per second of a pipeline: of all that runs now, else of its last job, best of one with enough images; null where nothing tells. */
export function estimateThroughput(jobs: Job[], slug: string): Throughput | null {
  const own = jobs.filter((job) => job.pipeline_slug === slug)
  const now = own
    .filter((job) => !job.finished_at)
    .reduce((sum, job) => sum + (job.images_per_s ?? 0), 0)
  if (now > 0) return { imagesPerS: now, now: true }
  const over = own.flatMap((job) => {
    const took =
      job.started_at && job.finished_at
        ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000
        : 0
    return took > 0 && job.progress.completed > 0 ? [{ images: job.progress.completed, took }] : []
  })
  const last = over.find((job) => job.images >= MIN_RESULTS) ?? over[0]
  return last ? { imagesPerS: last.images / last.took, now: false } : null
}

/** How many images of other jobs wait for a worker or are in its hands. */
export function countTasksAhead(jobs: Job[]): number {
  return jobs
    .filter((job) => !job.finished_at && !job.paused)
    .reduce((sum, job) => sum + job.progress.queued + job.progress.processing, 0)
}
