/** Conversion between positions and the map: the Mercator projection, which keeps small shapes. */

export interface Coordinates {
  latitude: number
  longitude: number
}

/** A position as fractions of the world's width, from the west and from the north. */
export interface Point {
  x: number
  y: number
}

/** The visible part of the world: its centre, and the width of the whole world in pixels. */
export interface View extends Point {
  scale: number
}

export interface Size {
  width: number
  height: number
}

const EQUATOR_M = 40_075_016.7
/** At the poles the projection is infinite; web maps end at this latitude. */
const MAX_LATITUDE = 85.05
/** Maximum scale: 5 cm per pixel. */
const MAX_SCALE = EQUATOR_M / 0.05
/** Width of the area shown around a single camera, in metres. */
const SINGLE_VIEW_M = 2000

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most)

export function project({ latitude, longitude }: Coordinates): Point {
  const sine = Math.sin((clamp(latitude, -MAX_LATITUDE, MAX_LATITUDE) * Math.PI) / 180)
  return { x: (longitude + 180) / 360, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) }
}

/** Convert metres at a latitude to a fraction of the world's width. */
export function projectLength(metres: number, latitude: number): number {
  const limited = clamp(latitude, -MAX_LATITUDE, MAX_LATITUDE)
  return metres / (EQUATOR_M * Math.cos((limited * Math.PI) / 180))
}

export function unproject({ x, y }: Point): Coordinates {
  const latitude = (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI
  return { latitude, longitude: (x - Math.floor(x)) * 360 - 180 }
}

export function metresPerPixel(view: View): number {
  return (EQUATOR_M * Math.cos((unproject(view).latitude * Math.PI) / 180)) / view.scale
}

/**
 * Convert a point to screen coordinates. The world repeats to the east and west: the copy nearest
 * to the centre is used.
 */
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

/** Zoom so that the point under `at` keeps its place. */
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

/** Return the view that shows all points with a margin; the whole world if there are none. */
export function fitView(points: Point[], size: Size): View {
  if (points.length === 0) return limitView({ x: 0.5, y: 0.5, scale: 1 }, size)
  // The points can lie on both sides of the date line: the view leaves out the widest gap between
  // them.
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
