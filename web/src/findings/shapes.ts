/**
 * Shapes of annotations, in pixels of the upright original. Invalid data is shown as text and does
 * not throw.
 */
import type { Annotation } from "../api/types"
import { findingTexts } from "./en"
import { buildOutline } from "./maskOutline"
import { decodeMask, parseCounts } from "./runLengths"
import type { Size } from "./size"

export interface Rectangle extends Size {
  x: number
  y: number
}

export interface Keypoint {
  name: string
  x: number
  y: number
  confidence: number | null
}

export type Shape =
  | { kind: "box"; bounds: Rectangle }
  | { kind: "area"; path: string; bounds: Rectangle }
  /** Points that are not drawn are null, so that lines can refer to points by index. */
  | {
      kind: "points"
      points: (Keypoint | null)[]
      lines: [Keypoint, Keypoint][]
      bounds: Rectangle
    }
  /** The shape is in a file, which is fetched when it is shown. */
  | { kind: "file" }
  /** The annotation has no position on the image and is shown as text. */
  | { kind: "words" }
  | { kind: "none"; why: string }

type Data = Annotation["data"]
const toNumber = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null
const buildNoShape = (why: string): Shape => ({ kind: "none", why })

const shapes = new WeakMap<Annotation, Shape>()

/** Return the shape of an annotation; computed once. */
export function getShape(annotation: Annotation, image: Size): Shape {
  const known = shapes.get(annotation)
  if (known) return known
  const shape = buildShape(annotation, image)
  shapes.set(annotation, shape)
  return shape
}

function buildShape(annotation: Annotation, image: Size): Shape {
  const data: Data = annotation.data ?? {}
  switch (annotation.annotation_type) {
    case "bounding_box":
      return buildBox(data, image)
    case "segmentation":
      return data.format === "polygon"
        ? buildPolygon(data)
        : data.format === "rle"
          ? buildRunLengthArea(data, image)
          : buildNoShape(findingTexts.odd.format)
    case "keypoint":
      return buildKeypoints(data)
    case "heatmap":
    case "mask":
      return annotation.download_url ? { kind: "file" } : buildNoShape(findingTexts.odd.noFile)
    default:
      return { kind: "words" }
  }
}

/** Scale a frame whose size differs from that of the image. */
function buildBox(data: Data, image: Size): Shape {
  const [left, top, right, bottom] = [
    toNumber(data.x_min),
    toNumber(data.y_min),
    toNumber(data.x_max),
    toNumber(data.y_max),
  ]
  if (
    left === null ||
    top === null ||
    right === null ||
    bottom === null ||
    right < left ||
    bottom < top
  )
    return buildNoShape(findingTexts.odd.box)
  const across = image.width / (toNumber(data.image_width) || image.width)
  const down = image.height / (toNumber(data.image_height) || image.height)
  return {
    kind: "box",
    bounds: {
      x: left * across,
      y: top * down,
      width: (right - left) * across,
      height: (bottom - top) * down,
    },
  }
}

function buildRunLengthArea(data: Data, image: Size): Shape {
  const [high, wide] = Array.isArray(data.size)
    ? (data.size as unknown[]).map(toNumber)
    : [image.height, image.width]
  const counts = parseCounts(data.counts)
  if (!counts || !high || !wide || high < 1 || wide < 1) return buildNoShape(findingTexts.odd.runs)
  const grid = decodeMask(counts, { width: wide, height: high })
  if (!grid) return buildNoShape(findingTexts.odd.runs)
  const [across, down] = [image.width / wide, image.height / high]
  const bounds = {
    x: grid.x * across,
    y: grid.y * down,
    width: grid.width * across,
    height: grid.height * down,
  }
  return { kind: "area", path: buildOutline(grid, across, down), bounds }
}

function buildPolygon(data: Data): Shape {
  const given = Array.isArray(data.points) ? (data.points as unknown[]) : []
  const isOneRing = !(Array.isArray(given[0]) && Array.isArray((given[0] as unknown[])[0]))
  const rings = (isOneRing ? [given] : given).map((ring) =>
    Array.isArray(ring) ? ring.map(toPoint) : [],
  )
  const good = rings.filter(
    (ring): ring is [number, number][] => ring.length >= 3 && ring.every((point) => point !== null),
  )
  if (good.length === 0 || good.length < rings.length) return buildNoShape(findingTexts.odd.polygon)
  return {
    kind: "area",
    path: good.map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`).join(""),
    bounds: getBounds(good.flat()),
  }
}

function toPoint(point: unknown): [number, number] | null {
  const [x, y] = Array.isArray(point) ? (point as unknown[]).map(toNumber) : []
  return x === null || x === undefined || y === null || y === undefined ? null : [x, y]
}

function buildKeypoints(data: Data): Shape {
  const points = (Array.isArray(data.keypoints) ? (data.keypoints as unknown[]) : []).map(
    (given): Keypoint | null => {
      const one = (given ?? {}) as Record<string, unknown>
      const [x, y, confidence] = [toNumber(one.x), toNumber(one.y), toNumber(one.confidence)]
      if (x === null || y === null || confidence === 0) return null
      return { name: typeof one.name === "string" ? one.name : "", x, y, confidence }
    },
  )
  const seen = points.filter((point) => point !== null)
  if (seen.length === 0) return buildNoShape(findingTexts.odd.points)
  const lines = (Array.isArray(data.skeleton) ? (data.skeleton as unknown[]) : []).flatMap(
    (given): [Keypoint, Keypoint][] => {
      const [from, to] = Array.isArray(given)
        ? (given as unknown[]).map((at) => points[toNumber(at) ?? -1])
        : []
      return from && to ? [[from, to]] : []
    },
  )
  return {
    kind: "points",
    points,
    lines,
    bounds: getBounds(seen.map((point) => [point.x, point.y])),
  }
}

function getBounds(points: [number, number][]): Rectangle {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const [x, y] of points) {
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
  }
  return { x: left, y: top, width: right - left, height: bottom - top }
}
