import { describe, expect, it } from "vitest"
import { findHandle, getKeyStep, moveBox, resizeBox, spanBox, startBox } from "./boxGeometry"

const IMAGE = { width: 400, height: 300 }
const BOX = { x: 100, y: 50, width: 80, height: 40 }

describe("boxes", () => {
  it("are drawn in any direction, in whole pixels within the image", () => {
    const box = { x: 10, y: 20, width: 90, height: 60 }
    expect(spanBox({ x: 10.4, y: 19.6 }, { x: 100.2, y: 80.3 }, IMAGE)).toEqual(box)
    expect(spanBox({ x: 100.2, y: 80.3 }, { x: 10.4, y: 19.6 }, IMAGE)).toEqual(box)
    expect(spanBox({ x: -20, y: 290 }, { x: 30, y: 900 }, IMAGE)).toEqual({
      x: 0,
      y: 290,
      width: 30,
      height: 10,
    })
  })
  it("move within the image and keep their size", () => {
    expect(moveBox(BOX, 12.4, -3, IMAGE)).toEqual({ ...BOX, x: 112, y: 47 })
    expect(moveBox(BOX, -500, 500, IMAGE)).toEqual({ ...BOX, x: 0, y: 260 })
  })
  it("change their size at a corner or an edge, down to two pixels", () => {
    const corner = resizeBox(BOX, { x: -1, y: 1 }, -10, 10, IMAGE)
    expect(corner).toEqual({ x: 90, y: 50, width: 90, height: 50 })
    const edge = resizeBox(BOX, { x: 1, y: 0 }, 1000, 50, IMAGE)
    expect(edge).toEqual({ x: 100, y: 50, width: 300, height: 40 })
    expect(resizeBox(BOX, { x: -1, y: 0 }, 1000, 0, IMAGE)).toEqual({ ...BOX, x: 178, width: 2 })
    expect(resizeBox(BOX, { x: 0, y: -1 }, 0, -1000, IMAGE)).toEqual({ ...BOX, y: 0, height: 90 })
  })
  it("start in the middle of the visible part", () => {
    const canvas = { width: 800, height: 600 }
    const whole = startBox({ scale: 2, x: 0, y: 0 }, canvas, IMAGE)
    expect(whole).toEqual({ x: 150, y: 113, width: 100, height: 75 })
    const corner = startBox({ scale: 8, x: 0, y: 0 }, canvas, IMAGE)
    expect(corner).toEqual({ x: 38, y: 28, width: 25, height: 19 })
    const tiny = startBox({ scale: 32, x: 0, y: 0 }, canvas, { width: 3, height: 2 })
    expect(tiny).toEqual({ x: 1, y: 0, width: 2, height: 2 })
  })
  it("move by fewer pixels at a higher zoom", () => {
    expect(getKeyStep({ scale: 0.25, x: 0, y: 0 })).toBe(32)
    expect(getKeyStep({ scale: 32, x: 0, y: 0 })).toBe(1)
  })
  it("have handles at corners and edges, and an inside that moves them", () => {
    expect(findHandle({ x: 95, y: 46 }, BOX, 10)).toEqual({ x: -1, y: -1 })
    expect(findHandle({ x: 180, y: 70 }, BOX, 10)).toEqual({ x: 1, y: 0 })
    expect(findHandle({ x: 140, y: 70 }, BOX, 10)).toBeNull()
    const small = { x: 100, y: 50, width: 20, height: 20 }
    expect(findHandle({ x: 110, y: 60 }, small, 22)).toBeNull()
    expect(findHandle({ x: 90, y: 40 }, small, 22)).toEqual({ x: -1, y: -1 })
  })
})
