import { expect, test } from "vitest"
import { buildCircles, computeRadius, findBounds } from "./circles"

const place = (longitude: number, latitude = 0) => ({ longitude, latitude })

test("the area of a circle is proportional to its value", () => {
  const [whole, half] = [computeRadius(40, 40, 20), computeRadius(20, 40, 20)]
  expect(whole).toBe(20)
  expect((half / whole) ** 2).toBeCloseTo(0.5)
  expect(computeRadius(0.01, 40, 20)).toBe(3)
})

test("no value and no maximum are a hollow dot", () => {
  expect([computeRadius(0, 40, 20), computeRadius(Number.NaN, 40, 20)]).toEqual([0, 0])
  expect(computeRadius(0, 0, 20)).toBe(0)
  const { features } = buildCircles([{ id: "a", ...place(8), radius: 0, label: "" }], "a")
  expect(features[0]?.properties).toMatchObject({ isHollow: true, isChosen: true, radius: 4 })
})

test("small circles are after large ones, so that they are on top", () => {
  const circles = [2, 9, 5].map((radius) => ({ id: `${radius}`, ...place(1), radius, label: "" }))
  const { features } = buildCircles(circles, null)
  expect(features.map((one) => one.properties?.id)).toEqual(["9", "5", "2"])
})

test("one place has a margin, and no place shows the world", () => {
  expect(findBounds([place(8, 48)])).toEqual([7.99, 47.99, 8.01, 48.01])
  expect(findBounds([])).toEqual([-180, -60, 180, 75])
})

test("places on both sides of the antimeridian are close to each other", () => {
  const [west, , east] = findBounds([place(-179.5), place(179.5), place(178)])
  expect([west, east]).toEqual([177.99, 180.51])
  const [from, , to] = findBounds([place(-70), place(20), place(10)])
  expect([from, to]).toEqual([-70.01, 20.01])
})
