import { describe, expect, test } from "vitest"
import {
  buildLayout,
  buildSections,
  buildWeeks,
  findFloatingDay,
  findIndexAt,
  getAdjacentIndex,
  getColumns,
  getPosition,
  getRange,
  type Section,
  splitChunks,
} from "./timeLayout"

const day = (key: string, images: number): Section => ({ key, from: key, to: key, images })

/**
 * Four columns of 244 px with images of 183 px: rows of 183 + 24 + 8 = 215 px below headings of 44
 * px.
 */
const layout = buildLayout([day("2026-06-02", 5), day("2026-06-01", 2)], 1000, 4 / 3)

test("a narrow screen has at least two columns", () => {
  expect([200, 499, 500, 1000, 1920].map(getColumns)).toEqual([2, 3, 3, 4, 8])
})

describe("buildSections", () => {
  test("keeps days that fill a row", () => {
    const counts = [
      { day: "2026-06-02", images: 4 },
      { day: "2026-06-01", images: 5 },
    ]
    expect(buildSections(counts, 4).map((one) => one.key)).toEqual(["2026-06-02", "2026-06-01"])
  })

  test("joins days of few images to months", () => {
    const counts = [
      { day: "2026-06-12", images: 1 },
      { day: "2026-06-03", images: 2 },
      { day: "2026-05-30", images: 1 },
    ]
    expect(buildSections(counts, 4)).toEqual([
      { key: "2026-06", from: "2026-06-03", to: "2026-06-12", images: 3 },
      { key: "2026-05", from: "2026-05-30", to: "2026-05-30", images: 1 },
    ])
  })
})

test("a day follows the rows of the day before", () => {
  expect(layout.tileWidth).toBe(244)
  expect(layout.rowHeight).toBe(215)
  expect(layout.days.map(({ first, top }) => ({ first, top }))).toEqual([
    { first: 0, top: 0 },
    { first: 5, top: 44 + 2 * 215 },
  ])
  expect(layout.images).toBe(7)
  expect(layout.height).toBe(44 + 2 * 215 + 44 + 215)
})

test("findIndexAt returns the last item that begins at or before a value", () => {
  const begins = [0, 10, 20]
  expect([-5, 0, 9, 10, 25].map((at) => findIndexAt(begins, at, (one) => one))).toEqual([
    0, 0, 0, 1, 2,
  ])
})

test("an image has a column, a row and pixels", () => {
  expect(getPosition(layout, 4)).toMatchObject({ column: 0, row: 1, left: 0, top: 44 + 215 })
  expect(getPosition(layout, 6)).toMatchObject({ column: 1, row: 0, left: 252, top: 474 + 44 })
})

test("a range covers each row that it touches", () => {
  expect(getRange(layout, 0, 44)).toEqual([0, 0])
  expect(getRange(layout, 0, 45)).toEqual([0, 4])
  expect(getRange(layout, 258, 260)).toEqual([0, 5])
  expect(getRange(layout, 259, 518)).toEqual([4, 5])
  expect(getRange(layout, 518, 733)).toEqual([5, 7])
})

test("the name of a day floats only where no heading shows it", () => {
  expect(findFloatingDay(layout, 39)).toBeNull()
  expect(findFloatingDay(layout, 40)?.key).toBe("2026-06-02")
  expect(findFloatingDay(layout, 460)?.key).toBe("2026-06-02")
  expect(findFloatingDay(layout, 461)).toBeNull()
})

describe("splitChunks", () => {
  const chunk = (days: Section[]) =>
    splitChunks(buildLayout(days, 1000, 1).days).map(({ first, images, skip }) => [
      first,
      images,
      skip,
    ])

  test("fetches small days together, up to 100 images", () => {
    expect(chunk([day("d", 60), day("c", 40), day("b", 1)])).toEqual([
      [0, 100, 0],
      [100, 1, 0],
    ])
  })

  test("fetches a large day in parts, and no other day with it", () => {
    expect(chunk([day("c", 250), day("b", 10)])).toEqual([
      [0, 100, 0],
      [100, 100, 100],
      [200, 50, 200],
      [250, 10, 0],
    ])
  })

  test("spans the earliest and the latest day, in both orders", () => {
    const [newest] = splitChunks(
      buildLayout([day("2026-06-02", 1), day("2026-06-01", 1)], 1000, 1).days,
    )
    const [oldest] = splitChunks(
      buildLayout([day("2026-06-01", 1), day("2026-06-02", 1)], 1000, 1).days,
    )
    expect([newest?.from, newest?.to]).toEqual(["2026-06-01", "2026-06-02"])
    expect([oldest?.from, oldest?.to]).toEqual(["2026-06-01", "2026-06-02"])
  })
})

describe("getAdjacentIndex", () => {
  test.each([
    [0, "ArrowLeft", 0],
    [3, "ArrowRight", 4],
    [6, "ArrowRight", 6],
    [3, "Home", 0],
    [3, "End", 6],
    [0, "ArrowDown", 4],
    [3, "ArrowDown", 4],
    [4, "ArrowDown", 5],
    [6, "ArrowUp", 4],
    [5, "ArrowUp", 4],
    [2, "ArrowUp", 2],
    [6, "ArrowDown", 6],
    [2, "a", null],
  ])("from image %i, %s leads to %s", (index, key, expected) => {
    expect(getAdjacentIndex(layout, index, key)).toBe(expected)
  })
})

test("a week has one bar from its first day, as wide as its part of the fullest week", () => {
  const days = ["2026-06-08", "2026-06-07", "2026-06-01", "2026-05-31"]
  const counts = days.map((day, at) => ({ day, images: [10, 8, 12, 5][at] ?? 0 }))
  const layout = buildLayout(buildSections(counts, 2), 400, 1)
  const weeks = buildWeeks(layout)
  // Monday 8 June; Sunday 7 June and Monday 1 June; Sunday 31 May.
  expect(weeks.map((week) => week.share)).toEqual([0.5, 1, 0.25])
  expect(weeks[1]?.place).toBe((layout.days[1]?.top ?? 0) / layout.height)
  expect(weeks.reduce((sum, week) => sum + week.height, 0)).toBeCloseTo(1)
})
