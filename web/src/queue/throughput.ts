/** Estimates the throughput of a pipeline from its jobs. */
import type { Job } from "../api/types"

export interface Throughput {
  imagesPerS: number
  /** Whether jobs run now; otherwise the throughput is that of the last job. */
  now: boolean
}

/** Jobs with fewer results are too short for an estimate. */
const MIN_RESULTS = 20

/**
 * Estimate the images per second of a pipeline: the sum of its running jobs; otherwise the last
 * job, if possible one with enough images. Null without any data.
 */
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

/** Count the images of other jobs that are queued or leased. */
export function countTasksAhead(jobs: Job[]): number {
  return jobs
    .filter((job) => !job.finished_at && !job.paused)
    .reduce((sum, job) => sum + job.progress.queued + job.progress.processing, 0)
}
