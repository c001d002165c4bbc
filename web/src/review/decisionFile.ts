/** Saves decisions that were not stored as a file, so that nothing is lost with a revoked right. */
import type { Decision } from "./decisions"

function describe(one: Decision) {
  if (one.act === "identify") return { identification: one.body }
  if (one.act === "box") return { box: one.id, before: one.before, after: one.after }
  if (one.act === "star") return { starred: one.starred }
  return { withdrawn_identifications: one.ids, withdrawn_decision: one.of }
}

/** Build the content of the file: what was decided, about which images, and when. */
export function buildDecisionFile(decisions: readonly Decision[]): string {
  const rows = decisions.map((one) => ({
    project: one.project,
    images: one.images ?? [one.image],
    filename: one.filename,
    place: one.place,
    decided_at: new Date(one.madeAt).toISOString(),
    text: one.target,
    ...describe(one),
    reason: one.refusal?.why,
  }))
  return `${JSON.stringify({ decisions: rows }, null, 2)}\n`
}

export function downloadDecisions(decisions: readonly Decision[]): void {
  const url = URL.createObjectURL(
    new Blob([buildDecisionFile(decisions)], { type: "application/json" }),
  )
  const link = document.createElement("a")
  link.href = url
  link.download = `trapline-decisions-${new Date().toISOString().slice(0, 10)}.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
