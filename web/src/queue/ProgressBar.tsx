import type { Job } from "../api/types"
import { jobBarTexts } from "./bar/en"

/** The images of a job by state, as a bar. */
export function ProgressBar({ progress }: { progress: Job["progress"] }) {
  const total = Math.max(progress.total, progress.expected ?? 0)
  const part = (count: number) => ({ width: `${total ? (100 * count) / total : 0}%` })
  const over = progress.completed + progress.failed + progress.canceled
  return (
    <div
      className="bar"
      role="progressbar"
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={over}
      aria-label={jobBarTexts.progress}
    >
      <span className="bar-done" style={part(progress.completed)} />
      <span className="bar-failed" style={part(progress.failed)} />
      <span className="bar-canceled" style={part(progress.canceled)} />
      <span className="bar-work" style={part(progress.processing)} />
    </div>
  )
}
