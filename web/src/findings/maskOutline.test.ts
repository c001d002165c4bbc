import { describe, expect, test } from "vitest"
import { buildOutline } from "./maskOutline"
import type { Grid } from "./runLengths"

const grid = (rows: string[], x = 0, y = 0): Grid => ({
  x,
  y,
  width: rows[0]?.length ?? 0,
  height: rows.length,
  cells: Uint8Array.from(rows.join(""), Number),
})

/**
 * Return the area inside a path. Holes run in the other direction, so that their area is negative.
 */
function measure(path: string): number {
  return path
    .split("Z")
    .filter(Boolean)
    .map((ring) =>
      ring
        .slice(1)
        .split("L")
        .map((point) => point.split(" ").map(Number) as [number, number]),
    )
    .reduce((sum, ring) => {
      const twice = ring.reduce((part, [x, y], at) => {
        const [nextX, nextY] = ring[(at + 1) % ring.length] ?? [0, 0]
        return part + x * nextY - nextX * y
      }, 0)
      return sum + twice / 2
    }, 0)
}

test("one cell is a square", () => {
  expect(buildOutline(grid(["1"]))).toBe("M0 0L1 0L1 1L0 1Z")
})

test("an outline is moved and scaled to the image", () => {
  expect(buildOutline(grid(["1"], 2, 3), 10, 5)).toBe("M20 15L30 15L30 20L20 20Z")
})

describe("the area inside the outline is the number of cells", () => {
  test.each([
    [["11", "10"], 3],
    [["111", "101", "111"], 8],
    [["10", "01"], 2],
    [["01010", "11111", "01010"], 9],
  ])("%j", (rows, area) => {
    expect(measure(buildOutline(grid(rows)))).toBe(area)
  })
})

test("a hole is a separate ring", () => {
  expect(buildOutline(grid(["111", "101", "111"])).match(/M/g)).toHaveLength(2)
})

test("cells that touch at a corner are separate rings", () => {
  expect(buildOutline(grid(["10", "01"])).match(/M/g)).toHaveLength(2)
})

test("noise of very many corners is drawn from blocks of four cells", () => {
  const side = 500
  const cells = Uint8Array.from({ length: side * side }, (_, at) =>
    Number((at % side) % 2 === 0 || Math.floor(at / side) % 2 === 0),
  )
  const path = buildOutline({ x: 0, y: 0, width: side, height: side, cells })
  expect(path).toBe(`M0 0L${side} 0L${side} ${side}L0 ${side}Z`)
})
