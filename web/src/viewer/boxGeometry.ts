/** The geometry of drawing boxes, in whole pixels of the upright image. */
import type { Rectangle } from "../findings/shapes"
import type { Size } from "../findings/size"
import type { View } from "./viewGeometry"

export interface Point {
  x: number
  y: number
}

/** A corner or an edge of a box: -1 is left or top, 1 is right or bottom, 0 is neither. */
export interface Handle {
  x: -1 | 0 | 1
  y: -1 | 0 | 1
}

/** The server refuses smaller boxes. */
export const MIN_SIDE = 2
/** The part of the visible image that a new box covers along each axis. */
const NEW_SHARE = 0.25
/** The distance that one key press moves a box, in CSS pixels. */
const KEY_STEP = 8

/** Corners before edges, so that a corner of a small box can be reached. */
export const HANDLES: readonly Handle[] = [
  { x: -1, y: -1 },
  { x: 1, y: -1 },
  { x: -1, y: 1 },
  { x: 1, y: 1 },
  { x: 0, y: -1 },
  { x: 0, y: 1 },
  { x: -1, y: 0 },
  { x: 1, y: 0 },
]

const clamp = (value: number, least: number, most: number) =>
  Math.min(Math.max(value, least), Math.max(most, least))

/** Return the point of the image at a point of the canvas. */
export const toImage = (at: Point, view: View): Point => ({
  x: (at.x - view.x) / view.scale,
  y: (at.y - view.y) / view.scale,
})

export const toCanvas = (box: Rectangle, view: View): Rectangle => ({
  x: view.x + box.x * view.scale,
  y: view.y + box.y * view.scale,
  width: box.width * view.scale,
  height: box.height * view.scale,
})

/** Place one side of a box within a length, in whole pixels. */
function placeSide(from: number, to: number, length: number): [number, number] {
  const [a, b] = [clamp(Math.round(from), 0, length), clamp(Math.round(to), 0, length)]
  return [Math.min(a, b), Math.abs(b - a)]
}

/** Return the box between two points; the part outside of the image is cut off. */
export function spanBox(from: Point, to: Point, image: Size): Rectangle {
  const [x, width] = placeSide(from.x, to.x, image.width)
  const [y, height] = placeSide(from.y, to.y, image.height)
  return { x, y, width, height }
}

/** Move a box within the image. */
export const moveBox = (box: Rectangle, dx: number, dy: number, image: Size): Rectangle => ({
  ...box,
  x: clamp(Math.round(box.x + dx), 0, image.width - box.width),
  y: clamp(Math.round(box.y + dy), 0, image.height - box.height),
})

function resizeSide(
  start: number,
  length: number,
  side: -1 | 0 | 1,
  by: number,
  most: number,
): [number, number] {
  const end = start + length
  if (side < 0) {
    const next = clamp(Math.round(start + by), 0, end - MIN_SIDE)
    return [next, end - next]
  }
  return side > 0
    ? [start, clamp(Math.round(end + by), start + MIN_SIDE, most) - start]
    : [start, length]
}

/** Move a corner or an edge of a box; the box keeps the minimum size. */
export function resizeBox(
  box: Rectangle,
  handle: Handle,
  dx: number,
  dy: number,
  image: Size,
): Rectangle {
  const [x, width] = resizeSide(box.x, box.width, handle.x, dx, image.width)
  const [y, height] = resizeSide(box.y, box.height, handle.y, dy, image.height)
  return { x, y, width, height }
}

/** Return a new box in the middle of the visible part of the image. */
export function startBox(view: View, canvas: Size, image: Size): Rectangle {
  const top = toImage({ x: 0, y: 0 }, view)
  const end = toImage({ x: canvas.width, y: canvas.height }, view)
  const shown = spanBox(top, end, image)
  const side = (length: number, most: number) =>
    clamp(Math.round(length * NEW_SHARE), Math.min(MIN_SIDE, most), most)
  const [width, height] = [side(shown.width, image.width), side(shown.height, image.height)]
  const middle = {
    x: shown.x + (shown.width - width) / 2,
    y: shown.y + (shown.height - height) / 2,
  }
  return moveBox({ ...middle, width, height }, 0, 0, image)
}

/** Return the number of image pixels that a key press moves a box: fewer at a higher zoom. */
export const getKeyStep = (view: View) => Math.max(1, Math.round(KEY_STEP / view.scale))

/** Find the handle of a box within reach of a point of the canvas. */
export function findHandle(at: Point, box: Rectangle, reach: number): Handle | null {
  // The inside of a small box stays free, so that the box can be moved.
  const near = Math.max(5, Math.min(reach, Math.min(box.width, box.height) / 3))
  const distance = (handle: Handle) => {
    const x = box.x + (box.width * (handle.x + 1)) / 2
    const y = box.y + (box.height * (handle.y + 1)) / 2
    return Math.max(Math.abs(at.x - x), Math.abs(at.y - y))
  }
  const isOutside =
    at.x < box.x || at.y < box.y || at.x > box.x + box.width || at.y > box.y + box.height
  return HANDLES.find((one) => distance(one) <= (isOutside ? reach : near)) ?? null
}

export const isInside = (at: Point, box: Rectangle): boolean =>
  at.x >= box.x && at.y >= box.y && at.x <= box.x + box.width && at.y <= box.y + box.height

export const isLargeEnough = (box: Rectangle): boolean =>
  box.width >= MIN_SIDE && box.height >= MIN_SIDE
