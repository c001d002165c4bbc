/** Findings as the observations of their image name them. */
import type { Observation } from "../api/types"
import type { Finding, FindingType } from "./findings"

/** Types that become observations; masks, heatmaps and data describe an image in other ways. */
const OBSERVED_TYPES: ReadonlySet<FindingType> = new Set([
  "bounding_box",
  "segmentation",
  "keypoint",
  "classification",
])

/** A decision about a box that the observations do not contain yet; null removes the box. */
export type PendingNames = ReadonlyMap<string, string | null>

/** Return whether a classification of the whole image is one of its observations. */
const isWhole = (finding: Finding, one: Observation) =>
  finding.type === "classification" &&
  one.annotation_id === null &&
  one.source === "model" &&
  one.analysis_id === finding.analysis.id &&
  [one.label, one.name].includes(finding.name)

/**
 * Leave out findings that are not observations, and give the others the name and the confidence of
 * their observation. Parts of a box have the name of the box.
 */
export function applyObservations(
  findings: Finding[],
  observations: Observation[],
  pending: PendingNames = new Map(),
): Finding[] {
  const bySubject = new Map(
    observations.flatMap((one) => (one.annotation_id ? [[one.annotation_id, one] as const] : [])),
  )
  const rename = (finding: Finding, id: string): Finding | null | undefined => {
    const name = pending.get(id)
    if (name !== undefined) return name === null ? null : { ...finding, name, confidence: null }
    const one = bySubject.get(id)
    return one && { ...finding, name: one.name || finding.name, confidence: one.confidence }
  }
  return findings.flatMap((finding) => {
    const own = rename(finding, finding.id)
    if (own !== undefined) return own ? [own] : []
    const part = finding.parent ? rename(finding, finding.parent) : undefined
    if (part !== undefined) return part ? [{ ...part, confidence: finding.confidence }] : []
    const whole = observations.find((one) => isWhole(finding, one))
    if (whole) return [{ ...finding, name: whole.name, confidence: whole.confidence }]
    return finding.name && OBSERVED_TYPES.has(finding.type) ? [] : [finding]
  })
}

/** List the observations of the whole image that no finding shows. */
export function listWholeObservations(
  findings: Finding[],
  observations: Observation[],
): Observation[] {
  return observations.filter(
    (one) =>
      one.annotation_id === null &&
      one.kind !== "blank" &&
      !findings.some((finding) => isWhole(finding, one)),
  )
}
