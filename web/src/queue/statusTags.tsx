import type { Job } from "../api/types"
import { imageTexts } from "../images/en"
import { type StateLook, StateTag } from "../ui/StateTag"
import { jobTexts, workerTexts } from "./en"

const LOOK: Record<string, StateLook> = {
  completed: "good",
  processing: "now",
  queued: "off",
  canceled: "off",
  paused: "amber",
  not_started: "amber",
  failed: "bad",
}

export function AnalysisTag({ state }: { state: string }) {
  return <StateTag look={LOOK[state]} state={state} text={imageTexts.states[state] ?? state} />
}

export function JobTag({ job }: { job: Job }) {
  const over = ["completed", "failed", "canceled"].includes(job.status)
  const state = over
    ? job.status
    : job.not_started
      ? "not_started"
      : job.paused
        ? "paused"
        : job.status
  return <StateTag look={LOOK[state]} state={state} text={jobTexts.states[state] ?? state} />
}

export function OnlineTag({ online }: { online: boolean }) {
  return (
    <StateTag
      look={online ? "good" : "off"}
      state={online ? "online" : "offline"}
      text={online ? workerTexts.online : workerTexts.offline}
    />
  )
}
