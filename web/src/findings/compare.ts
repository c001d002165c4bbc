/** What changed from one analysis of an image to another. */
import type { Drawing, Rectangle } from "./drawings"
import { classKey, type Finding } from "./findings"

export interface Placed {
  finding: Finding
  drawing: Drawing
}

export interface Pair {
  left: Finding
  right: Finding
}

export interface Changes {
  /** Classes that only one of them names, with how often. */
  onlyLeft: [string, number][]
  onlyRight: [string, number][]
  /** Things in the same place with another class. */
  renamed: Pair[]
  /** Things in the same place with the same class and another confidence. */
  surer: Pair[]
  /** Things that the other one has nothing for, though it names their class. */
  lost: Finding[]
  gained: Finding[]
  /** Every pair of things in the same place. */
  pairs: Pair[]
}

export const SAME_FROM = 0.5

/** How much two rectangles have in common: 0 nothing, 1 everything. */
export function overlap(a: Rectangle, b: Rectangle): number {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (across <= 0 || down <= 0) return 0
  const both = across * down
  return both / (a.width * a.height + b.width * b.height - both)
}

/** The most alike find each other first, and a box another box before it finds a mask. */
function match(left: Placed[], right: Placed[]): Pair[] {
  const alike: [number, Finding, Finding][] = []
  const [sameType, sameClass] = [(a: Finding, b: Finding) => Number(a.type === b.type), (a: Finding, b: Finding) => Number(classKey(a) === classKey(b))]
  for (const a of left) {
    for (const b of right) {
      if (!("bounds" in a.drawing) || !("bounds" in b.drawing)) continue
      const same = overlap(a.drawing.bounds, b.drawing.bounds)
      if (same >= SAME_FROM) alike.push([same, a.finding, b.finding])
    }
  }
  alike.sort(([a, ...one], [b, ...two]) => sameType(...two) - sameType(...one) || b - a || sameClass(...two) - sameClass(...one))
  const taken = new Set<string>()
  return alike.flatMap(([, a, b]) => {
    if (taken.has(a.id) || taken.has(b.id)) return []
    taken.add(a.id).add(b.id)
    return [{ left: a, right: b }]
  })
}

function classesOf(placed: Placed[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { finding } of placed) if (finding.name) counts.set(finding.name, (counts.get(finding.name) ?? 0) + 1)
  return counts
}

const asPercent = (finding: Finding) => Math.round((finding.confidence ?? 1) * 100)

/** What belongs to another finding, such as the mask of a box, is not counted beside it; nor is what names no thing. */
const mainOnes = (placed: Placed[]) => {
  const ids = new Set(placed.map(({ finding }) => finding.id))
  return placed.filter(({ finding }) => finding.type !== "custom" && finding.type !== "heatmap" && !(finding.parent && ids.has(finding.parent)))
}

export function compare(allLeft: Placed[], allRight: Placed[]): Changes {
  const [left, right] = [mainOnes(allLeft), mainOnes(allRight)]
  const [leftClasses, rightClasses] = [classesOf(left), classesOf(right)]
  const pairs = match(left, right)
  const matched = new Set(pairs.flatMap((pair) => [pair.left.id, pair.right.id]))
  const alone = (placed: Placed[], others: Map<string, number>) =>
    placed.filter(({ finding, drawing }) => "bounds" in drawing && !matched.has(finding.id) && (!finding.name || others.has(finding.name))).map(({ finding }) => finding)
  return {
    onlyLeft: [...leftClasses].filter(([name]) => !rightClasses.has(name)),
    onlyRight: [...rightClasses].filter(([name]) => !leftClasses.has(name)),
    renamed: pairs.filter((pair) => classKey(pair.left) !== classKey(pair.right)),
    surer: pairs.filter((pair) => classKey(pair.left) === classKey(pair.right) && asPercent(pair.left) !== asPercent(pair.right)),
    lost: alone(left, rightClasses),
    gained: alone(right, leftClasses),
    pairs,
  }
}
