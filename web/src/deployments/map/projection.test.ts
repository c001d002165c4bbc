import { describe, expect, test } from "vitest"
import {
  fitView,
  fromScreen,
  limitView,
  metresPerPixel,
  project,
  toScreen,
  unproject,
  zoomAt,
} from "./projection"

const size = { width: 600, height: 400 }

describe("project", () => {
  // y = 1/2 − ln(tan(π/4 + φ/2)) / 2π, and 85.0511° is the edge of the square world of web maps.
  test.each([
    [0, 0, 0.5, 0.5],
    [0, -180, 0, 0.5],
    [45, 90, 0.75, 0.3597],
    [-45, 90, 0.75, 0.6403],
    [85.0511, 0, 0.5, 0],
    [48.1372, 11.5756, 0.5322, 0.347],
  ])("%d°, %d°", (latitude, longitude, x, y) => {
    const point = project({ latitude, longitude })
    expect(point.x).toBeCloseTo(x, 4)
    expect(point.y).toBeCloseTo(y, 4)
  })

  test("unproject is its inverse", () => {
    const place = unproject(project({ latitude: -33.8688, longitude: 151.2093 }))
    expect(place.latitude).toBeCloseTo(-33.8688, 9)
    expect(place.longitude).toBeCloseTo(151.2093, 9)
  })

  test("the poles are drawn at the edge", () => {
    expect(project({ latitude: 90, longitude: 0 }).y).toBeCloseTo(0, 4)
    expect(Number.isFinite(project({ latitude: -90, longitude: 0 }).y)).toBe(true)
  })
})

test("a pixel is 156,543 m at the equator where the world is 256 px wide, and half of it at 60°", () => {
  expect(metresPerPixel({ x: 0.5, y: 0.5, scale: 256 })).toBeCloseTo(156543.03, 1)
  const { y } = project({ latitude: 60, longitude: 0 })
  expect(metresPerPixel({ x: 0.5, y, scale: 256 })).toBeCloseTo(156543.03 / 2, 1)
})

test("toScreen and fromScreen are inverse, with the view in the middle", () => {
  const view = { x: 0.3, y: 0.4, scale: 5000 }
  expect(toScreen({ x: 0.3, y: 0.4 }, view, size)).toEqual({ x: 300, y: 200 })
  const at = toScreen(fromScreen({ x: 17, y: 333 }, view, size), view, size)
  expect(at.x).toBeCloseTo(17, 6)
  expect(at.y).toBeCloseTo(333, 6)
})

test("a point beyond the date line is drawn on the nearest side", () => {
  const view = { x: 0.99, y: 0.5, scale: 1000 }
  expect(toScreen({ x: 0.01, y: 0.5 }, view, size).x).toBeCloseTo(300 + 20, 6)
})

test("zoomAt keeps the point under the cursor", () => {
  const view = { x: 0.53, y: 0.35, scale: 4000 }
  const at = { x: 450, y: 90 }
  const next = zoomAt(view, 3, at, size)
  expect(next.scale).toBe(12000)
  const [before, after] = [fromScreen(at, view, size), fromScreen(at, next, size)]
  expect(after.x).toBeCloseTo(before.x, 9)
  expect(after.y).toBeCloseTo(before.y, 9)
})

test("the world is never narrower than the map", () => {
  expect(limitView({ x: 1.25, y: 7, scale: 1 }, size)).toEqual({ x: 0.25, y: 1, scale: 600 })
})

describe("fitView", () => {
  test("shows all points", () => {
    const points = [
      { x: 0.52, y: 0.34 },
      { x: 0.54, y: 0.35 },
      { x: 0.53, y: 0.36 },
    ]
    const view = fitView(points, size)
    for (const point of points) {
      const at = toScreen(point, view, size)
      expect(at.x).toBeGreaterThan(0)
      expect(at.x).toBeLessThan(size.width)
      expect(at.y).toBeGreaterThan(0)
      expect(at.y).toBeLessThan(size.height)
    }
    expect(view.x).toBeCloseTo(0.53, 9)
    expect(view.y).toBeCloseTo(0.35, 9)
  })

  test("leaves the widest gap out, also across the date line", () => {
    const view = fitView(
      [
        { x: 0.99, y: 0.5 },
        { x: 0.01, y: 0.5 },
      ],
      size,
    )
    expect(view.x).toBeCloseTo(0, 9)
    expect(view.scale).toBeGreaterThan(size.width * 10)
  })

  test("shows two kilometres around a single point at the equator", () => {
    const view = fitView([{ x: 0.5, y: 0.5 }], { width: 800, height: 800 })
    expect(metresPerPixel(view) * (800 - 2 * 72)).toBeCloseTo(2000, 3)
  })

  test("shows the world if there is no point", () => {
    expect(fitView([], size)).toEqual({ x: 0.5, y: 0.5, scale: 600 })
  })
})
