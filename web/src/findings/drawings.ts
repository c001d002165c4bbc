/** How annotations are drawn, in pixels of the upright original. Odd data is told in words, never thrown. */
import type { Annotation } from "../api/types"
import { words } from "../en"
import type { Size } from "../viewer/geometry"
import { outline } from "./outline"
import { countsOf, spread } from "./runLengths"

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

export type Drawing =
  | { kind: "box"; bounds: Rectangle }
  | { kind: "area"; path: string; bounds: Rectangle }
  /** Points that are not drawn are null, so that the lines keep their numbers. */
  | { kind: "points"; points: (Keypoint | null)[]; lines: [Keypoint, Keypoint][]; bounds: Rectangle }
  /** Its shape stands in a file that is fetched when it is shown. */
  | { kind: "file" }
  /** Nothing of it has a place on the picture. */
  | { kind: "words" }
  | { kind: "none"; why: string }

type Data = Annotation["data"]
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null)
const none = (why: string): Drawing => ({ kind: "none", why })

const made = new WeakMap<Annotation, Drawing>()

/** The drawing of an annotation; made once. */
export function drawingOf(annotation: Annotation, image: Size): Drawing {
  let drawing = made.get(annotation)
  if (!drawing) made.set(annotation, (drawing = draw(annotation, image)))
  return drawing
}

function draw(annotation: Annotation, image: Size): Drawing {
  const data: Data = annotation.data ?? {}
  switch (annotation.annotation_type) {
    case "bounding_box": return drawBox(data, image)
    case "segmentation": return data.format === "polygon" ? drawPolygon(data) : data.format === "rle" ? drawRuns(data, image) : none(words.viewer.odd.format)
    case "keypoint": return drawPoints(data)
    case "heatmap":
    case "mask": return annotation.download_url ? { kind: "file" } : none(words.viewer.odd.noFile)
    default: return { kind: "words" }
  }
}

/** A frame of another size than the image is scaled to it. */
function drawBox(data: Data, image: Size): Drawing {
  const [left, top, right, bottom] = [number(data.x_min), number(data.y_min), number(data.x_max), number(data.y_max)]
  if (left === null || top === null || right === null || bottom === null || right < left || bottom < top) return none(words.viewer.odd.box)
  const across = image.width / (number(data.image_width) || image.width)
  const down = image.height / (number(data.image_height) || image.height)
  return { kind: "box", bounds: { x: left * across, y: top * down, width: (right - left) * across, height: (bottom - top) * down } }
}

function drawRuns(data: Data, image: Size): Drawing {
  const [high, wide] = Array.isArray(data.size) ? (data.size as unknown[]).map(number) : [image.height, image.width]
  const counts = countsOf(data.counts)
  if (!counts || !high || !wide || high < 1 || wide < 1) return none(words.viewer.odd.runs)
  const grid = spread(counts, { width: wide, height: high })
  if (!grid) return none(words.viewer.odd.runs)
  const [across, down] = [image.width / wide, image.height / high]
  const bounds = { x: grid.x * across, y: grid.y * down, width: grid.width * across, height: grid.height * down }
  return { kind: "area", path: outline(grid, across, down), bounds }
}

function drawPolygon(data: Data): Drawing {
  const given = Array.isArray(data.points) ? (data.points as unknown[]) : []
  const isOneRing = !(Array.isArray(given[0]) && Array.isArray((given[0] as unknown[])[0]))
  const rings = (isOneRing ? [given] : given).map((ring) => (Array.isArray(ring) ? ring.map(pair) : []))
  const good = rings.filter((ring): ring is [number, number][] => ring.length >= 3 && ring.every((point) => point !== null))
  if (good.length === 0 || good.length < rings.length) return none(words.viewer.odd.polygon)
  return {
    kind: "area",
    path: good.map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`).join(""),
    bounds: around(good.flat()),
  }
}

function pair(point: unknown): [number, number] | null {
  const [x, y] = Array.isArray(point) ? (point as unknown[]).map(number) : []
  return x === null || x === undefined || y === null || y === undefined ? null : [x, y]
}

function drawPoints(data: Data): Drawing {
  const points = (Array.isArray(data.keypoints) ? (data.keypoints as unknown[]) : []).map((given): Keypoint | null => {
    const one = (given ?? {}) as Record<string, unknown>
    const [x, y, confidence] = [number(one.x), number(one.y), number(one.confidence)]
    if (x === null || y === null || confidence === 0) return null
    return { name: typeof one.name === "string" ? one.name : "", x, y, confidence }
  })
  const seen = points.filter((point) => point !== null)
  if (seen.length === 0) return none(words.viewer.odd.points)
  const lines = (Array.isArray(data.skeleton) ? (data.skeleton as unknown[]) : []).flatMap((given): [Keypoint, Keypoint][] => {
    const [from, to] = Array.isArray(given) ? (given as unknown[]).map((at) => points[number(at) ?? -1]) : []
    return from && to ? [[from, to]] : []
  })
  return { kind: "points", points, lines, bounds: around(seen.map((point) => [point.x, point.y])) }
}

function around(points: [number, number][]): Rectangle {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const [x, y] of points) {
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
  }
  return { x: left, y: top, width: right - left, height: bottom - top }
}
