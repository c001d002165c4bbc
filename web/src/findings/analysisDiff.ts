/** The differences between two analyses of an image. */

import { type Finding, getClassKey } from "./findings"
import type { Rectangle, Shape } from "./shapes"

export interface PlacedFinding {
  finding: Finding
  shape: Shape
}

export interface FindingPair {
  left: Finding
  right: Finding
}

export interface AnalysisChanges {
  /** Classes that only one of the analyses contains, with their counts. */
  onlyLeft: [string, number][]
  onlyRight: [string, number][]
  /** Findings in the same place with different classes. */
  renamed: FindingPair[]
  /** Findings in the same place with the same class and a different confidence. */
  confidenceChanged: FindingPair[]
  /** Findings without a match in the other analysis, although it contains their class. */
  removed: Finding[]
  added: Finding[]
  /** All matched pairs of findings. */
  pairs: FindingPair[]
}

export const MIN_OVERLAP = 0.5

/** Return the overlap of two rectangles: from 0 (none) to 1 (equal). */
export function getOverlap(a: Rectangle, b: Rectangle): number {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (across <= 0 || down <= 0) return 0
  const both = across * down
  return both / (a.width * a.height + b.width * b.height - both)
}

/** Match findings: the greatest overlap first, and boxes with boxes before boxes with masks. */
function matchFindings(left: PlacedFinding[], right: PlacedFinding[]): FindingPair[] {
  const alike: [number, Finding, Finding][] = []
  const [sameType, sameClass] = [
    (a: Finding, b: Finding) => Number(a.type === b.type),
    (a: Finding, b: Finding) => Number(getClassKey(a) === getClassKey(b)),
  ]
  for (const a of left) {
    for (const b of right) {
      if (!("bounds" in a.shape) || !("bounds" in b.shape)) continue
      const same = getOverlap(a.shape.bounds, b.shape.bounds)
      if (same >= MIN_OVERLAP) alike.push([same, a.finding, b.finding])
    }
  }
  alike.sort(
    ([a, ...one], [b, ...two]) =>
      sameType(...two) - sameType(...one) || b - a || sameClass(...two) - sameClass(...one),
  )
  const taken = new Set<string>()
  return alike.flatMap(([, a, b]) => {
    if (taken.has(a.id) || taken.has(b.id)) return []
    taken.add(a.id).add(b.id)
    return [{ left: a, right: b }]
  })
}

function countClasses(placed: PlacedFinding[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { finding } of placed)
    if (finding.name) counts.set(finding.name, (counts.get(finding.name) ?? 0) + 1)
  return counts
}

const toPercent = (finding: Finding) => Math.round((finding.confidence ?? 1) * 100)

/**
 * Select the findings to compare: those of a class that are not part of another finding, such as
 * the mask of a box.
 */
const listMainFindings = (placed: PlacedFinding[]) => {
  const ids = new Set(placed.map(({ finding }) => finding.id))
  return placed.filter(
    ({ finding }) =>
      finding.type !== "custom" &&
      finding.type !== "heatmap" &&
      !(finding.parent && ids.has(finding.parent)),
  )
}

export function diffAnalyses(allLeft: PlacedFinding[], allRight: PlacedFinding[]): AnalysisChanges {
  const [left, right] = [listMainFindings(allLeft), listMainFindings(allRight)]
  const [leftClasses, rightClasses] = [countClasses(left), countClasses(right)]
  const pairs = matchFindings(left, right)
  const matched = new Set(pairs.flatMap((pair) => [pair.left.id, pair.right.id]))
  const alone = (placed: PlacedFinding[], others: Map<string, number>) =>
    placed
      .filter(
        ({ finding, shape }) =>
          "bounds" in shape &&
          !matched.has(finding.id) &&
          (!finding.name || others.has(finding.name)),
      )
      .map(({ finding }) => finding)
  return {
    onlyLeft: [...leftClasses].filter(([name]) => !rightClasses.has(name)),
    onlyRight: [...rightClasses].filter(([name]) => !leftClasses.has(name)),
    renamed: pairs.filter((pair) => getClassKey(pair.left) !== getClassKey(pair.right)),
    confidenceChanged: pairs.filter(
      (pair) =>
        getClassKey(pair.left) === getClassKey(pair.right) &&
        toPercent(pair.left) !== toPercent(pair.right),
    ),
    removed: alone(left, rightClasses),
    added: alone(right, leftClasses),
    pairs,
  }
}
