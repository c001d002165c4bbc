import { describe, expect, it } from "vitest"
import type { Point } from "./boxGeometry"
import {
  type DrawnShape,
  dragShape,
  findGrip,
  getExtent,
  isComplete,
  isCrossed,
  moveShape,
} from "./shapeGeometry"

const image = { width: 200, height: 100 }
const points = (...all: [number, number][]): Point[] => all.map(([x, y]) => ({ x, y }))
const triangle: DrawnShape = { kind: "polygon", corners: points([10, 20], [110, 20], [60, 90]) }

describe("points and polygons", () => {
  it("have an extent and move within the image", () => {
    expect(getExtent(triangle)).toEqual({ x: 10, y: 20, width: 100, height: 70 })
    expect(moveShape(triangle, 500, -500, image)).toEqual({
      kind: "polygon",
      corners: points([100, 0], [200, 0], [150, 70]),
    })
    expect(moveShape({ kind: "point", at: { x: 5, y: 5 } }, -9, 2.4, image)).toEqual({
      kind: "point",
      at: { x: 0, y: 7 },
    })
  })
  it("are grabbed at a corner or inside", () => {
    const view = { scale: 2, x: 10, y: 0 }
    expect(findGrip({ x: 130, y: 175 }, triangle, view, 10)).toEqual({ corner: 2 })
    expect(findGrip({ x: 130, y: 100 }, triangle, view, 10)).toBe("move")
    expect(findGrip({ x: 300, y: 190 }, triangle, view, 10)).toBeNull()
    expect(dragShape(triangle, { corner: 2 }, 5, 90, image)).toEqual({
      kind: "polygon",
      corners: points([10, 20], [110, 20], [65, 100]),
    })
  })
  it("are complete with three corners and an area, without edges that touch", () => {
    expect(isComplete(triangle)).toBe(true)
    expect(isComplete({ kind: "polygon", corners: points([0, 0], [9, 9]) })).toBe(false)
    expect(isComplete({ kind: "polygon", corners: points([0, 0], [9, 0], [9, 1]) })).toBe(false)
    expect(isCrossed(triangle.kind === "polygon" ? triangle.corners : [])).toBe(false)
    expect(isCrossed(points([0, 0], [4, 4], [4, 0], [0, 4]))).toBe(true)
    expect(isCrossed(points([0, 4], [0, 0], [4, 4], [4, 0]))).toBe(true)
    expect(isCrossed(points([0, 0], [4, 0], [4, 4], [0, 4], [0, 0]))).toBe(true)
    expect(isCrossed(points([0, 0], [4, 0], [2, 0]))).toBe(true)
    expect(isCrossed(points([0, 0], [4, 0], [4, 4], [2, 1], [0, 4]))).toBe(false)
  })
})
