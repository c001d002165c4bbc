/**
 * Finds the current identification of a finding by the server's rule, also for decisions that the
 * server does not have yet.
 */
import type { Identification } from "../api/types"
import type { Finding } from "../findings/findings"

/**
 * Return the current identification of a finding. `said` contains all identifications of its image,
 * newest first.
 */
export function getEffectiveIdentification(
  finding: Finding,
  said: Identification[],
): Identification | null {
  const counted = said.filter((one) => !one.withdrawn_at && one.kind !== "comment")
  const at = (wanted: (one: Identification) => boolean) => {
    const place = counted.findIndex(wanted)
    return place < 0 ? Infinity : place
  }
  const { id, parent_id: parent } = finding.annotation
  const own = at(
    (one) => one.annotation_id === id || (parent !== null && one.annotation_id === parent),
  )
  const whole = at((one) => one.annotation_id === null)
  const [ofIt, ofAll] = [counted[own] ?? null, counted[whole] ?? null]
  if (!ofAll) return ofIt
  if (ofAll.kind === "blank") return whole < own ? ofAll : ofIt
  if (!ofIt && ofAll.kind === "confirm" && ofAll.analysis_id === finding.analysis.id) return ofAll
  return ofIt
}

/** Add identifications that came with findings to a list that is incomplete or older. */
export function addOwnIdentifications(
  said: Identification[],
  findings: Finding[],
): Identification[] {
  const all = new Map(said.map((one) => [one.id, one]))
  for (const { annotation } of findings)
    if (annotation.identification && !all.has(annotation.identification.id))
      all.set(annotation.identification.id, annotation.identification)
  return [...all.values()].sort((a, b) => b.created_at.localeCompare(a.created_at))
}
