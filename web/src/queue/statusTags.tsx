/** States of analyses, jobs, sources and runs: a shape, a colour, a word. */
import type { Job } from "../api/types"
import { texts } from "../en"

const TAG_CLASS: Record<string, string> = {
  completed: "good", ok: "good", imported: "good", online: "good",
  processing: "now", running: "now",
  queued: "off", new: "off", seen: "off", offline: "off", canceled: "off", duplicate: "off", skipped: "off",
  behind: "now", paused: "amber", no_images: "amber", not_started: "amber", interrupted: "amber", quarantined: "amber",
  failed: "bad", failing: "bad", all_failing: "bad",
}

function StateTag({ state, text }: { state: string; text: string }) {
  return <span className={`state state-${TAG_CLASS[state] ?? "off"}`} data-state={state}>{text}</span>
}

export function AnalysisTag({ state }: { state: string }) {
  return <StateTag state={state} text={texts.image.states[state] ?? state} />
}

export function JobTag({ job }: { job: Job }) {
  const over = ["completed", "failed", "canceled"].includes(job.status)
  const state = over ? job.status : job.not_started ? "not_started" : job.paused ? "paused" : job.status
  return <StateTag state={state} text={texts.job.states[state] ?? state} />
}

/** Whether no image arrives from a source of this health, so that a person should look at it. */
export function isUnhealthy(health: string) {
  return ["failing", "all_failing", "no_images"].includes(health)
}

export function HealthTag({ health }: { health: string }) {
  return <StateTag state={health} text={texts.source.health[health] ?? health} />
}

export function RunTag({ state }: { state: string }) {
  return <StateTag state={state} text={texts.source.runStates[state] ?? state} />
}

export function FileTag({ state }: { state: string }) {
  return <StateTag state={state} text={texts.source.states[state] ?? state} />
}

export function OnlineTag({ online }: { online: boolean }) {
  return <StateTag state={online ? "online" : "offline"} text={online ? texts.worker.online : texts.worker.offline} />
}

/** A job's images by state, as one line. */
export function ProgressBar({ progress }: { progress: Job["progress"] }) {
  const total = Math.max(progress.total, progress.expected ?? 0)
  const part = (count: number) => ({ width: `${total ? (100 * count) / total : 0}%` })
  const over = progress.completed + progress.failed + progress.canceled
  return (
    <div className="bar" role="progressbar" aria-valuemin={0} aria-valuemax={total} aria-valuenow={over} aria-label={texts.job.progress}>
      <span className="bar-done" style={part(progress.completed)} />
      <span className="bar-failed" style={part(progress.failed)} />
      <span className="bar-canceled" style={part(progress.canceled)} />
      <span className="bar-work" style={part(progress.processing)} />
    </div>
  )
}
