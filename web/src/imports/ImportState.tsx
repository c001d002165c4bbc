/** Where an import is: a tag, and how far it is while it is read. */

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

/** A bar of entries read, and the same in words. */
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

/** What became of a file in one sentence, once it is read. */
export function formatOutcome(one: Import): string | null {
  if (one.state === "canceled") return t.wasCanceled
  if (one.state !== "completed") return null
  if (one.faults > 0) return t.some(one.stored, one.faults)
  return one.stored === 0 && one.identifications === 0 && one.unchanged > 0
    ? t.nothingNew
    : t.all(one.stored)
}
