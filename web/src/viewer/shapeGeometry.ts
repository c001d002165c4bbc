/** The geometry of drawing points and polygons as well as boxes, in pixels of the upright image. */
import type { Rectangle } from "../findings/shapes"
import type { Size } from "../findings/size"
import {
  findHandle,
  type Handle,
  isInside,
  isLargeEnough,
  moveBox,
  type Point,
  resizeBox,
  toCanvas,
} from "./boxGeometry"
import type { View } from "./viewGeometry"

export type DrawnShape =
  | { kind: "box"; bounds: Rectangle }
  | { kind: "point"; at: Point }
  | { kind: "polygon"; corners: readonly Point[] }
export type ShapeKind = DrawnShape["kind"]

/** The server refuses polygons with more corners. */
export const MAX_CORNERS = 500

/** The part of a shape that a pointer grabs: a handle of a box, or a corner of a polygon. */
export type Grip = Handle | { corner: number } | "move"

const clamp = (value: number, most: number) => Math.min(Math.max(Math.round(value), 0), most)

/** Return the nearest whole pixel within the image. */
export const clampPoint = ({ x, y }: Point, image: Size): Point => ({
  x: clamp(x, image.width),
  y: clamp(y, image.height),
})

export const isSamePoint = (one: Point, other: Point): boolean =>
  one.x === other.x && one.y === other.y

export const placePoint = ({ x, y }: Point, view: View): Point => ({
  x: view.x + x * view.scale,
  y: view.y + y * view.scale,
})

/** Return the extent of a shape; that of a point has no width and height. */
export function getExtent(shape: DrawnShape): Rectangle {
  if (shape.kind === "box") return shape.bounds
  const points = shape.kind === "point" ? [shape.at] : shape.corners
  const [across, down] = [points.map(({ x }) => x), points.map(({ y }) => y)]
  const [x, y] = [Math.min(...across), Math.min(...down)]
  return { x, y, width: Math.max(...across) - x, height: Math.max(...down) - y }
}

/** Move a shape within the image. */
export function moveShape(shape: DrawnShape, dx: number, dy: number, image: Size): DrawnShape {
  const old = getExtent(shape)
  const bounds = moveBox(old, dx, dy, image)
  if (shape.kind === "box") return { kind: "box", bounds }
  const move = ({ x, y }: Point) =>
    clampPoint({ x: x + bounds.x - old.x, y: y + bounds.y - old.y }, image)
  return shape.kind === "point"
    ? { kind: "point", at: move(shape.at) }
    : { kind: "polygon", corners: shape.corners.map(move) }
}

/** Move the part of a shape that was grabbed. */
export function dragShape(
  shape: DrawnShape,
  grip: Grip,
  dx: number,
  dy: number,
  image: Size,
): DrawnShape {
  if (grip === "move") return moveShape(shape, dx, dy, image)
  if (shape.kind === "box" && "x" in grip)
    return { kind: "box", bounds: resizeBox(shape.bounds, grip, dx, dy, image) }
  if (shape.kind !== "polygon" || !("corner" in grip)) return shape
  const corners = shape.corners.map((one, at) =>
    at === grip.corner ? clampPoint({ x: one.x + dx, y: one.y + dy }, image) : one,
  )
  return { kind: "polygon", corners }
}

/** Find the part of a shape at a point of the canvas. */
export function findGrip(at: Point, shape: DrawnShape, view: View, reach: number): Grip | null {
  const box = toCanvas(getExtent(shape), view)
  if (shape.kind === "box") return findHandle(at, box, reach) ?? (isInside(at, box) ? "move" : null)
  if (shape.kind === "point") return isWithin(at, shape.at, view, reach) ? "move" : null
  const corner = shape.corners.findIndex((one) => isWithin(at, one, view, reach))
  if (corner >= 0) return { corner }
  return isInside(at, box) ? "move" : null
}

/** Whether a point of the image is within reach of a point of the canvas. */
export function isWithin(at: Point, point: Point, view: View, reach: number): boolean {
  const there = placePoint(point, view)
  return Math.hypot(at.x - there.x, at.y - there.y) <= reach
}

export const isComplete = (shape: DrawnShape): boolean =>
  shape.kind === "point" ||
  (shape.kind === "box"
    ? isLargeEnough(shape.bounds)
    : shape.corners.length >= 3 && isLargeEnough(getExtent(shape)))

/** The side of the line from one point to another on which a third one is; 0 is on the line. */
const getSide = (from: Point, to: Point, at: Point) =>
  Math.sign((to.x - from.x) * (at.y - from.y) - (to.y - from.y) * (at.x - from.x))

const isOn = (from: Point, to: Point, at: Point) =>
  getSide(from, to, at) === 0 &&
  Math.min(from.x, to.x) <= at.x &&
  at.x <= Math.max(from.x, to.x) &&
  Math.min(from.y, to.y) <= at.y &&
  at.y <= Math.max(from.y, to.y)

function meet(a: Point, b: Point, c: Point, d: Point): boolean {
  if (isOn(a, b, c) || isOn(a, b, d) || isOn(c, d, a) || isOn(c, d, b)) return true
  return getSide(a, b, c) * getSide(a, b, d) < 0 && getSide(c, d, a) * getSide(c, d, b) < 0
}

/** Whether edges of a polygon touch or cross each other; the server refuses such polygons. */
export function isCrossed(corners: readonly Point[]): boolean {
  const edges = corners.map((from, at): [Point, Point] => [
    from,
    corners[(at + 1) % corners.length] ?? from,
  ])
  return edges.some(([from, to], at) => {
    const next = edges[(at + 1) % edges.length]?.[1] ?? from
    // Edges that follow each other share a corner: the second one must not turn back.
    const isBack =
      getSide(from, to, next) === 0 &&
      (to.x - from.x) * (next.x - to.x) + (to.y - from.y) * (next.y - to.y) <= 0
    return (
      isBack ||
      edges.some(
        ([c, d], other) =>
          other > at + 1 && (other + 1) % edges.length !== at && meet(from, to, c, d),
      )
    )
  })
}
