import { expect, test } from "vitest"
import { buildGraticule } from "./graticule"

const labels = (bounds: [number, number, number, number], step: number) =>
  buildGraticule(bounds)
    .features.filter((one) => one.properties.step === step)
    .map((one) => one.properties.label)

test("the coarsest lines cover the world", () => {
  const found = labels([11, 48, 11.1, 48.1], 10)
  expect(found).toHaveLength(37 + 17)
  expect(found).toContain("0°")
  expect(found).toContain("80° S")
  expect(found).toContain("170° W")
})

test("fine lines are around the places", () => {
  const found = labels([11, 48, 11.02, 48.02], 0.01)
  expect(found).toContain("11.01° E")
  expect(found).toContain("47.85° N")
  expect(found).not.toContain("11.20° E")
})

test("places that are far apart do not lead to thousands of lines", () => {
  expect(buildGraticule([-120, -40, 150, 70]).features.length).toBeLessThan(800)
})

test("places beyond the antimeridian have longitudes of both sides", () => {
  const found = labels([179, -17, 182, -16], 1)
  expect(found).toContain("179° E")
  expect(found).toContain("178° W")
})

test("fine lines end at the limit of the projection", () => {
  const lines = buildGraticule([20, 79, 21, 79.5]).features
  const highest = Math.max(
    ...lines.flatMap((one) => one.geometry.coordinates.map(([, y]) => y ?? 0)),
  )
  expect(highest).toBeLessThanOrEqual(80)
})
