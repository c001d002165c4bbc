import { describe, expect, test } from "vitest"
import { decodeCounts, decodeMask, parseCounts } from "./runLengths"

/** Encoded by pycocotools: 4 rows and 5 columns, a block of 2 by 3 and the top right cell. */
const SMALL = { text: "522000OO2", counts: [5, 2, 2, 2, 2, 2, 1, 1, 3], width: 5, height: 4 }
/** Encoded by pycocotools: 40 rows and 30 columns, a block of 30 by 10 with a hole of 8 by 3. */
const HOLE = { text: "e<n0:0000YON82HN82HN82?000000[<", width: 30, height: 40, area: 276 }

const draw = (counts: number[], width: number, height: number) => {
  const grid = decodeMask(counts, { width, height })
  if (!grid) return null
  const rows = Array.from({ length: grid.height }, (_, row) =>
    Array.from(grid.cells.slice(row * grid.width, (row + 1) * grid.width)).join(""),
  )
  return { x: grid.x, y: grid.y, rows }
}

test("decodeCounts reads the text that pycocotools writes", () => {
  expect(decodeCounts(SMALL.text)).toEqual(SMALL.counts)
})

test("decodeCounts reads counts of several characters and negative differences", () => {
  const counts = decodeCounts(HOLE.text) ?? []
  expect(counts[0]).toBe(405)
  expect(counts.filter((_, at) => at % 2 === 1).reduce((sum, count) => sum + count, 0)).toBe(
    HOLE.area,
  )
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(HOLE.width * HOLE.height)
})

test.each(["!", "a", "522 000", "\u2603"])("decodeCounts refuses %j", (text) => {
  expect(decodeCounts(text)).toBeNull()
})

test("parseCounts takes a text or a list of whole numbers from 0", () => {
  expect(parseCounts(SMALL.text)).toEqual(SMALL.counts)
  expect(parseCounts([0, 3])).toEqual([0, 3])
  for (const wrong of [[1, -1], [1.5], ["1"], null, 7, {}]) expect(parseCounts(wrong)).toBeNull()
})

describe("decodeMask", () => {
  test("runs down the columns and is cut to what is inside", () => {
    expect(draw(SMALL.counts, SMALL.width, SMALL.height)).toEqual({
      x: 1,
      y: 0,
      rows: ["0001", "1110", "1110"],
    })
  })

  test("spreads a run over several columns", () => {
    expect(draw([2, 3, 1], 2, 3)).toEqual({ x: 0, y: 0, rows: ["01", "01", "10"] })
  })

  test("is null if it is empty or longer than its size", () => {
    expect(draw([6], 2, 3)).toBeNull()
    expect(draw([2, 5], 2, 3)).toBeNull()
  })
})
