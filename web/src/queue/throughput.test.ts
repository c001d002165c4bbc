import { expect, test } from "vitest"
import type { Job } from "../api/types"
import { countTasksAhead, estimateThroughput } from "./throughput"

const job = (more: Record<string, unknown>, progress: Record<string, number> = {}) =>
  ({
    pipeline_slug: "deer-net",
    images_per_s: null,
    started_at: null,
    finished_at: null,
    paused: false,
    ...more,
    progress: { queued: 0, processing: 0, completed: 0, ...progress },
  }) as unknown as Job

const finished = (seconds: number, completed: number) =>
  job(
    {
      started_at: "2026-01-01T00:00:00Z",
      finished_at: new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString(),
    },
    { completed },
  )

test("the throughput is the sum of all running jobs of the pipeline", () => {
  const jobs = [
    job({ images_per_s: 2 }),
    job({ images_per_s: 0.5 }),
    job({ images_per_s: 9, pipeline_slug: "other" }),
  ]
  expect(estimateThroughput(jobs, "deer-net")).toEqual({ imagesPerS: 2.5, now: true })
})

test("without a running job it is that of the newest job of at least 20 images", () => {
  expect(estimateThroughput([finished(10, 5), finished(50, 100)], "deer-net")).toEqual({
    imagesPerS: 2,
    now: false,
  })
  expect(estimateThroughput([finished(10, 5)], "deer-net")?.imagesPerS).toBe(0.5)
  expect(estimateThroughput([], "deer-net")).toBeNull()
})

test("tasks of paused and finished jobs are not ahead", () => {
  const jobs = [
    job({}, { queued: 7, processing: 2 }),
    job({ paused: true }, { queued: 100 }),
    job({ finished_at: "2026-01-01T00:00:00Z" }, { queued: 100 }),
  ]
  expect(countTasksAhead(jobs)).toBe(9)
})
