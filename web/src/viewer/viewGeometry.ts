import type { Rectangle } from "../findings/shapes"
import type { Size } from "../findings/size"
import type { Point } from "./boxGeometry"

/** One image pixel is `scale` CSS pixels; the image's top left corner is at (x, y). */
export interface View {
  scale: number
  x: number
  y: number
}

export const MAX_SCALE = 32
const MARGIN = 12

/** Return the view that shows the whole image in the centre. */
export function fitView(picture: Size, canvas: Size): View {
  const scale = Math.min(
    (canvas.width - 2 * MARGIN) / picture.width,
    (canvas.height - 2 * MARGIN) / picture.height,
    MAX_SCALE,
  )
  return centreView(picture, canvas, Math.max(scale, 0.001))
}

/** Return the view at `scale` with the image in the centre. */
export function centreView(picture: Size, canvas: Size, scale: number): View {
  return {
    scale,
    x: (canvas.width - picture.width * scale) / 2,
    y: (canvas.height - picture.height * scale) / 2,
  }
}

/** Zoom `view` by `factor`; the image point under (x, y) keeps its place. */
export function zoomAt(
  view: View,
  factor: number,
  x: number,
  y: number,
  picture: Size,
  canvas: Size,
): View {
  const least = Math.min(fitView(picture, canvas).scale, 1)
  const scale = Math.min(Math.max(view.scale * factor, least), MAX_SCALE)
  const by = scale / view.scale
  return clampView({ scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by }, picture, canvas)
}

/**
 * Move `view` so that the image stays visible: centred if it is smaller than the canvas, otherwise
 * without a gap.
 */
export function clampView(view: View, picture: Size, canvas: Size): View {
  const along = (at: number, length: number, room: number) =>
    length <= room ? (room - length) / 2 : Math.min(Math.max(at, room - length - MARGIN), MARGIN)
  return {
    scale: view.scale,
    x: along(view.x, picture.width * view.scale, canvas.width),
    y: along(view.y, picture.height * view.scale, canvas.height),
  }
}

/** A label of a box, both in pixels of the canvas. */
export interface PlacedLabel {
  id: string
  box: Rectangle
  label: Size
  /** Kept where no space is free, as for the selected box. */
  isKept: boolean
}

/**
 * Return the positions of labels, the most important first. A label turns to a side of its box
 * where it covers no other label; without space it is left out, unless it is kept.
 */
export function placeLabels(
  labels: readonly PlacedLabel[],
  view: View,
  picture: Size,
  canvas: Size,
): Map<string, Point> {
  const taken: Rectangle[] = []
  const isFree = (one: Rectangle) =>
    taken.every(
      (other) =>
        one.x >= other.x + other.width ||
        other.x >= one.x + one.width ||
        one.y >= other.y + other.height ||
        other.y >= one.y + one.height,
    )
  const found = new Map<string, Point>()
  for (const { id, box, label, isKept } of labels) {
    const first = getLabelPosition(box, label, view, picture, canvas)
    const others = [
      { x: box.x - 1, y: box.y + box.height + 2 },
      { x: box.x + box.width + 2, y: box.y },
      { x: box.x - label.width - 2, y: box.y },
      { x: box.x + box.width - label.width + 1, y: box.y - label.height - 2 },
    ].filter((one) => isWithin({ ...one, ...label }, view, picture, canvas))
    const place =
      [first, ...others].find((one) => isFree({ ...one, ...label })) ?? (isKept ? first : null)
    if (!place) continue
    taken.push({ ...place, ...label })
    found.set(id, place)
  }
  return found
}

/** Return the visible part of the image, in pixels of the canvas. */
function getShown(view: View, picture: Size, canvas: Size) {
  return {
    left: Math.max(view.x, 0),
    top: Math.max(view.y, 0),
    right: Math.min(view.x + picture.width * view.scale, canvas.width),
    bottom: Math.min(view.y + picture.height * view.scale, canvas.height),
  }
}

function isWithin(one: Rectangle, view: View, picture: Size, canvas: Size): boolean {
  const { left, top, right, bottom } = getShown(view, picture, canvas)
  return one.x >= left && one.y >= top && one.x + one.width <= right && one.y + one.height <= bottom
}

/**
 * Return a label's position: above the box, or inside it at the image's top; never beyond the edges
 * of image or canvas.
 */
export function getLabelPosition(
  box: { x: number; y: number; width: number; height: number },
  label: Size,
  view: View,
  picture: Size,
  canvas: Size,
): { x: number; y: number } {
  const { left, top, right, bottom } = getShown(view, picture, canvas)
  const above = box.y - label.height - 2
  const y = above >= top ? above : Math.max(box.y, top) + 3
  return {
    x: Math.max(left, Math.min(box.x - 1, right - label.width)),
    y: Math.max(top, Math.min(y, bottom - label.height)),
  }
}

/** The part of the canvas that the boxes fill after zooming to them. */
const FILLED = 0.5

/** Return the smallest rectangle around all of them. */
export function joinRectangles(all: readonly Rectangle[]): Rectangle {
  const x = Math.min(...all.map((one) => one.x))
  const y = Math.min(...all.map((one) => one.y))
  return {
    x,
    y,
    width: Math.max(...all.map((one) => one.x + one.width)) - x,
    height: Math.max(...all.map((one) => one.y + one.height)) - y,
  }
}

/** Return the view in which an area fills a part of the canvas. */
export function showArea(area: Rectangle, image: Size, canvas: Size): View {
  const scale = Math.min(
    (FILLED * canvas.width) / Math.max(area.width, 1),
    (FILLED * canvas.height) / Math.max(area.height, 1),
    MAX_SCALE,
  )
  return clampView(
    {
      scale,
      x: canvas.width / 2 - (area.x + area.width / 2) * scale,
      y: canvas.height / 2 - (area.y + area.height / 2) * scale,
    },
    image,
    canvas,
  )
}
