import { describe, expect, test } from "vitest"
import { diffAnalyses, getOverlap, type PlacedFinding } from "./analysisDiff"
import type { Finding } from "./findings"

let last = 0

/** A box 10 px wide and high at (x, 0). */
function box(name: string | null, x: number, confidence = 0.9, more: Partial<Finding> = {}) {
  last += 1
  const shape = { kind: "box", bounds: { x, y: 0, width: 10, height: 10 } } as const
  const finding = {
    id: `f${last}`,
    name,
    confidence,
    type: "bounding_box",
    parent: null,
    shape,
    ...more,
  } as Finding
  return { finding, shape } satisfies PlacedFinding
}

describe("getOverlap", () => {
  const square = { x: 0, y: 0, width: 10, height: 10 }
  test.each([
    [{ ...square }, 1],
    [{ ...square, x: 5 }, 50 / 150],
    [{ ...square, x: 5, y: 5 }, 25 / 175],
    [{ ...square, x: 10 }, 0],
    [{ x: 2, y: 2, width: 5, height: 4 }, 20 / 100],
  ])("%j", (other, expected) => {
    expect(getOverlap(square, other)).toBeCloseTo(expected, 12)
    expect(getOverlap(other, square)).toBeCloseTo(expected, 12)
  })
})

describe("diffAnalyses", () => {
  test("counts the classes that only one side has", () => {
    const changes = diffAnalyses([box("fox", 0), box("fox", 100)], [box("deer", 200)])
    expect(changes.onlyLeft).toEqual([["fox", 2]])
    expect(changes.onlyRight).toEqual([["deer", 1]])
    expect(changes.removed).toEqual([])
  })

  test("reports another class in the same place", () => {
    const [left, right] = [box("fox", 0), box("dog", 1)]
    expect(diffAnalyses([left], [right]).renamed).toEqual([
      { left: left.finding, right: right.finding },
    ])
  })

  test("reports another confidence, in whole percent", () => {
    const one = diffAnalyses([box("fox", 0, 0.8)], [box("fox", 0, 0.9)])
    expect(one.confidenceChanged).toHaveLength(1)
    const same = diffAnalyses([box("fox", 0, 0.801)], [box("fox", 0, 0.804)])
    expect(same.confidenceChanged).toEqual([])
    expect(same.pairs).toHaveLength(1)
  })

  test("boxes that share less than half are two things", () => {
    const [left, right] = [box("fox", 0), box("fox", 5)]
    const changes = diffAnalyses([left], [right])
    expect(changes.pairs).toEqual([])
    expect(changes.removed).toEqual([left.finding])
    expect(changes.added).toEqual([right.finding])
  })

  test("pairs the boxes that overlap most", () => {
    const left = [box("fox", 0), box("fox", 3)]
    const right = [box("fox", 3), box("fox", 0)]
    const pairs = diffAnalyses(left, right).pairs.map((pair) => [pair.left.id, pair.right.id])
    expect(pairs).toContainEqual([left[0]?.finding.id, right[1]?.finding.id])
    expect(pairs).toContainEqual([left[1]?.finding.id, right[0]?.finding.id])
  })

  test("does not count what belongs to another finding", () => {
    const main = box("fox", 0)
    const part = box("fox", 0, 0.9, { parent: main.finding.id })
    expect(diffAnalyses([main, part], []).onlyLeft).toEqual([["fox", 1]])
  })
})
