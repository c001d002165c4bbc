/** The state of an export, with its progress while it runs. */

import type { Export } from "../api/types"
import { exportTexts as t } from "./en"
import { isRunning } from "./queries"

const TAG_CLASS: Record<Export["state"], string> = {
  queued: "off",
  gathering: "now",
  writing: "now",
  ready: "good",
  invalid: "amber",
  failed: "bad",
  canceled: "off",
  expired: "off",
}

export function ExportTag({ one }: { one: Export }) {
  return (
    <span className={`state state-${TAG_CLASS[one.state]}`} data-state={one.state}>
      {t.states[one.state]}
    </span>
  )
}

/** The number of images written, as a bar and as text. */
export function ExportProgress({ one }: { one: Export }) {
  if (!isRunning(one)) return null
  const said =
    one.state === "queued"
      ? t.queued
      : one.state === "gathering"
        ? t.gathering(one.images, one.expected)
        : t.writing(one.images)
  const all = Math.max(one.expected ?? 0, one.images, 1)
  const done = one.state === "queued" ? 0 : one.state === "writing" ? all : one.images
  return (
    <>
      <div
        className="bar"
        role="progressbar"
        aria-valuemin={0}
        aria-valuemax={all}
        aria-valuenow={done}
        aria-label={t.progress}
      >
        <span
          className={one.state === "writing" ? "bar-work" : "bar-done"}
          style={{ width: `${(100 * done) / all}%` }}
        />
      </div>
      <p className="small soft" role="status">
        {said}
      </p>
    </>
  )
}
