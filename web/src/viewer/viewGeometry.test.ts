import { describe, expect, test } from "vitest"
import {
  clampView,
  fitView,
  getLabelPosition,
  MAX_SCALE,
  placeLabels,
  zoomAt,
} from "./viewGeometry"

const image = { width: 1000, height: 500 }
const canvas = { width: 524, height: 524 }

test("the whole image fits with a margin of 12 px, in the middle", () => {
  expect(fitView(image, canvas)).toEqual({ scale: 0.5, x: 12, y: 137 })
})

test("a tiny image is not enlarged beyond the largest scale", () => {
  expect(fitView({ width: 2, height: 2 }, canvas).scale).toBe(MAX_SCALE)
})

describe("zoomAt", () => {
  test("keeps the point under the cursor", () => {
    const view = { scale: 1, x: -200, y: 0 }
    const next = zoomAt(view, 2, 100, 250, image, canvas)
    expect(next.scale).toBe(2)
    expect((100 - next.x) / next.scale).toBeCloseTo((100 - view.x) / view.scale, 9)
    expect((250 - next.y) / next.scale).toBeCloseTo((250 - view.y) / view.scale, 9)
  })

  test("stays between the whole image and the largest scale", () => {
    const view = fitView(image, canvas)
    expect(zoomAt(view, 0.01, 0, 0, image, canvas)).toEqual(view)
    expect(zoomAt(view, 1e6, 0, 0, image, canvas).scale).toBe(MAX_SCALE)
  })
})

test("a image larger than the canvas leaves no gap beyond the margin", () => {
  expect(clampView({ scale: 1, x: 300, y: -900 }, image, canvas)).toEqual({
    scale: 1,
    x: 12,
    y: 12,
  })
  expect(clampView({ scale: 1, x: -900, y: 0 }, image, canvas).x).toBe(524 - 1000 - 12)
})

describe("a label", () => {
  const view = { scale: 1, x: 0, y: 0 }
  const label = { width: 60, height: 20 }
  const place = (x: number, y: number) =>
    getLabelPosition({ x, y, width: 50, height: 50 }, label, view, image, canvas)

  test("is above its box", () => expect(place(100, 100)).toEqual({ x: 99, y: 78 }))
  test("is inside a box at the top", () => expect(place(100, 10)).toEqual({ x: 99, y: 13 }))
  test("does not leave the canvas", () => {
    expect(place(510, 100).x).toBe(524 - 60)
    expect(place(-30, 100).x).toBe(0)
  })
})

describe("labels of several boxes", () => {
  const canvas = { width: 400, height: 300 }
  const whole = { scale: 1, x: 0, y: 0 }
  const label = { width: 60, height: 20 }
  const place = (...boxes: { x: number; y: number; isKept?: boolean }[]) =>
    placeLabels(
      boxes.map(({ x, y, isKept = false }, at) => ({
        id: String(at),
        box: { x, y, width: 80, height: 40 },
        label,
        isKept,
      })),
      whole,
      canvas,
      canvas,
    )
  test("turn to a side where they cover no other label", () => {
    const found = place({ x: 100, y: 100 }, { x: 102, y: 102 })
    expect(found.get("0")).toEqual({ x: 99, y: 78 })
    expect(found.get("1")).toEqual({ x: 101, y: 144 })
  })
  test("are left out without space, except those that are kept", () => {
    const crowd = Array.from({ length: 8 }, () => ({ x: 100, y: 100 }))
    expect(place(...crowd).size).toBe(4)
    expect(place(...crowd.map((one) => ({ ...one, isKept: true }))).size).toBe(8)
  })
  test("never leave the image", () => {
    const found = place({ x: 0, y: 0 }, { x: 320, y: 0 }, { x: 0, y: 260 }, { x: 320, y: 260 })
    for (const { x, y } of found.values()) {
      expect(x >= 0 && x + label.width <= canvas.width).toBe(true)
      expect(y >= 0 && y + label.height <= canvas.height).toBe(true)
    }
  })
})
