import { type StateLook, StateTag } from "../ui/StateTag"
import { sourceStateTexts } from "./state/en"

const LOOK: Record<string, StateLook> = {
  ok: "good",
  completed: "good",
  imported: "good",
  running: "now",
  behind: "now",
  new: "off",
  seen: "off",
  canceled: "off",
  duplicate: "off",
  skipped: "off",
  paused: "amber",
  no_images: "amber",
  interrupted: "amber",
  quarantined: "amber",
  failed: "bad",
  failing: "bad",
  all_failing: "bad",
}

export function HealthTag({ health }: { health: string }) {
  return (
    <StateTag look={LOOK[health]} state={health} text={sourceStateTexts.health[health] ?? health} />
  )
}

export function RunTag({ state }: { state: string }) {
  return (
    <StateTag look={LOOK[state]} state={state} text={sourceStateTexts.runStates[state] ?? state} />
  )
}

export function FileTag({ state }: { state: string }) {
  return (
    <StateTag look={LOOK[state]} state={state} text={sourceStateTexts.states[state] ?? state} />
  )
}

/** Whether a source of this health delivers no images, so that a user must act. */
export function isUnhealthy(health: string) {
  return ["failing", "all_failing", "no_images"].includes(health)
}
