/** Where an import is: a tag, and how far it is while it is read. */
import { isReading } from "./queries"
import type { Import } from "../api/types"
import { importWords as w } from "./en"

const LOOK: Record<Import["state"], string> = { queued: "off", reading: "now", completed: "good", failed: "bad", canceled: "off" }

export function ImportTag({ one }: { one: Import }) {
  const look = one.state === "completed" && one.faults > 0 ? "amber" : LOOK[one.state]
  return <span className={`state state-${look}`} data-state={one.state}>{w.states[one.state]}</span>
}

/** A bar of entries read, and the same in words. */
export function ImportProgress({ one }: { one: Import }) {
  if (!isReading(one)) return null
  const all = Math.max(one.total ?? 0, one.done, 1)
  return (
    <>
      <div className="bar" role="progressbar" aria-valuemin={0} aria-valuemax={all} aria-valuenow={one.done} aria-label={w.progress}>
        <span className="bar-done" style={{ width: `${(100 * one.done) / all}%` }} />
      </div>
      <p className="small soft" role="status">{one.state === "queued" ? w.queued : w.reading(one.done, one.total)}</p>
    </>
  )
}

/** What became of a file in one sentence, once it is read. */
export function sayOutcome(one: Import): string | null {
  if (one.state === "canceled") return w.wasCanceled
  if (one.state !== "completed") return null
  if (one.faults > 0) return w.some(one.stored, one.faults)
  return one.stored === 0 && one.identifications === 0 && one.unchanged > 0 ? w.nothingNew : w.all(one.stored)
}
