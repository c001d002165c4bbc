/** Places on a plain map: Mercator's projection, in which what is near keeps its shape. */

export interface Coordinates {
  latitude: number
  longitude: number
}

/** A place as shares of the world's width, from the west and from the north. */
export interface Point {
  x: number
  y: number
}

/** What of the world is seen: the point in the middle, and the pixels that the whole world would take. */
export interface View extends Point {
  scale: number
}

export interface Size {
  width: number
  height: number
}

const EQUATOR_M = 40_075_016.7
/** Beyond this latitude the projection runs to infinity. */
const MAX_LATITUDE = 85.05
/** Nobody needs to see less than a few metres. */
const MAX_SCALE = EQUATOR_M / 0.05
/** A single camera is shown with so much of its surroundings, in metres. */
const SINGLE_VIEW_M = 2000

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most)

export function project({ latitude, longitude }: Coordinates): Point {
  const sine = Math.sin((clamp(latitude, -MAX_LATITUDE, MAX_LATITUDE) * Math.PI) / 180)
  return { x: (longitude + 180) / 360, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) }
}

export function unproject({ x, y }: Point): Coordinates {
  const latitude = (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI
  return { latitude, longitude: (x - Math.floor(x)) * 360 - 180 }
}

export function metresPerPixel(view: View): number {
  return (EQUATOR_M * Math.cos((unproject(view).latitude * Math.PI) / 180)) / view.scale
}

/** Where a point is on the screen; of the world's copies beside each other the nearest is taken. */
export function toScreen(point: Point, view: View, size: Size): Point {
  const across = point.x - view.x
  return {
    x: (across - Math.round(across)) * view.scale + size.width / 2,
    y: (point.y - view.y) * view.scale + size.height / 2,
  }
}

export function fromScreen(at: Point, view: View, size: Size): Point {
  return {
    x: view.x + (at.x - size.width / 2) / view.scale,
    y: view.y + (at.y - size.height / 2) / view.scale,
  }
}

export function limitView(view: View, size: Size): View {
  const scale = clamp(view.scale, Math.max(size.width, 1), MAX_SCALE)
  return { scale, x: view.x - Math.floor(view.x), y: clamp(view.y, 0, 1) }
}

/** Zooms so that what is under `at` stays there. */
export function zoomAt(view: View, by: number, at: Point, size: Size): View {
  const fixed = fromScreen(at, view, size)
  const { scale } = limitView({ ...view, scale: view.scale * by }, size)
  return limitView(
    {
      scale,
      x: fixed.x - (at.x - size.width / 2) / scale,
      y: fixed.y - (at.y - size.height / 2) / scale,
    },
    size,
  )
}

/** The view that shows all points, with some room around them; the world where there are none. */
export function fitView(points: Point[], size: Size): View {
  if (points.length === 0) return limitView({ x: 0.5, y: 0.5, scale: 1 }, size)
  // The points may lie on both sides of the date line: the widest gap between them is left out.
  const sorted = points.map((point) => point.x).sort((one, other) => one - other)
  let west = sorted[0] ?? 0
  let gap = west + 1 - (sorted.at(-1) ?? 0)
  sorted.forEach((x, at) => {
    const next = sorted[at + 1]
    if (next === undefined || next - x <= gap) return
    gap = next - x
    west = next
  })
  const ys = points.map((point) => point.y)
  const north = Math.min(...ys)
  const south = Math.max(...ys)
  const least =
    SINGLE_VIEW_M /
    EQUATOR_M /
    Math.cos((unproject({ x: west, y: (north + south) / 2 }).latitude * Math.PI) / 180)
  const room = Math.min(72, size.width / 5, size.height / 5)
  const scale = Math.min(
    (size.width - 2 * room) / Math.max(1 - gap, least),
    (size.height - 2 * room) / Math.max(south - north, least),
  )
  return limitView({ x: west + (1 - gap) / 2, y: (north + south) / 2, scale }, size)
}
