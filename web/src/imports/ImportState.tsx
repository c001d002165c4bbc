/** The state of an import, with its progress while it runs. */

import type { Import } from "../api/types"
import { importTexts as t } from "./en"
import { isRunning } from "./queries"

const TAG_CLASS: Record<Import["state"], string> = {
  queued: "off",
  reading: "now",
  completed: "good",
  failed: "bad",
  canceled: "off",
}

export function ImportTag({ one }: { one: Import }) {
  const look = one.state === "completed" && one.faults > 0 ? "amber" : TAG_CLASS[one.state]
  return (
    <span className={`state state-${look}`} data-state={one.state}>
      {t.states[one.state]}
    </span>
  )
}

/** The number of entries read, as a bar and as text. */
export function ImportProgress({ one }: { one: Import }) {
  if (!isRunning(one)) return null
  const all = Math.max(one.total ?? 0, one.done, 1)
  return (
    <>
      <div
        className="bar"
        role="progressbar"
        aria-valuemin={0}
        aria-valuemax={all}
        aria-valuenow={one.done}
        aria-label={t.progress}
      >
        <span className="bar-done" style={{ width: `${(100 * one.done) / all}%` }} />
      </div>
      <p className="small soft" role="status">
        {one.state === "queued" ? t.queued : t.reading(one.done, one.total)}
      </p>
    </>
  )
}

/** Describe the result of an import in one sentence; null while it runs. */
export function formatOutcome(one: Import): string | null {
  if (one.state === "canceled") return t.wasCanceled
  if (one.state !== "completed") return null
  if (one.faults > 0) return t.some(one.stored, one.faults)
  return one.stored === 0 && one.identifications === 0 && one.unchanged > 0
    ? t.nothingNew
    : t.all(one.stored)
}
