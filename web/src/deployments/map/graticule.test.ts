import { expect, test } from "vitest"
import { buildGraticule, buildScale } from "./graticule"

test("the scale bar is the longest of 1, 2 and 5 that is at most 120 px", () => {
  // 152.87 m per pixel at the equator: 120 px are 18.3 km.
  const bar = buildScale({ x: 0.5, y: 0.5, scale: 256 * 1024 })
  expect(bar.text).toBe("10 km")
  expect(bar.width).toBeCloseTo(65.41, 2)
  expect(buildScale({ x: 0.5, y: 0.5, scale: 256 * 1024 * 64 }).text).toBe("200 m")
  expect(buildScale({ x: 0.5, y: 0.5, scale: 256 * 1024 * 32 }).text).toBe("500 m")
})

test("meridians are at round longitudes, at least 96 px apart", () => {
  // The world is 3600 px wide, so that 10° are 100 px; the map shows 80° W to 80° E.
  const { meridians, parallels } = buildGraticule(
    { x: 0.5, y: 0.5, scale: 3600 },
    { width: 1600, height: 200 },
  )
  expect(meridians.map((line) => line.text).slice(0, 3)).toEqual(["80° W", "70° W", "60° W"])
  expect(meridians.map((line) => Math.round(line.at))).toEqual(
    Array.from({ length: 17 }, (_, at) => at * 100),
  )
  expect(meridians[8]?.text).toBe("0°")
  expect(parallels.map((line) => line.text)).toEqual(["0°"])
  expect(parallels[0]?.at).toBeCloseTo(100, 6)
})

test("a meridian beyond the date line has its own longitude", () => {
  const { meridians } = buildGraticule({ x: 1, y: 0.5, scale: 3600 }, { width: 300, height: 100 })
  expect(meridians.map((line) => line.text)).toEqual(["170° E", "180° W", "170° W"])
})
