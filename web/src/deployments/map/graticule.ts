/** The graticule and the scale bar of the map. */
import { formatDecimal } from "../../ui/en"
import { compassTexts as t } from "./en"
import {
  fromScreen,
  metresPerPixel,
  project,
  type Size,
  toScreen,
  unproject,
  type View,
} from "./projection"

const STEPS = [
  30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001,
  0.00005, 0.00002,
]
/** Minimum distance of two lines, in pixels. */
const MIN_DISTANCE = 96
const MAX_BAR_WIDTH = 120
const LETTER_WIDTH = 6.4
/** Distance between a line and its label, in pixels. */
export const LABEL_GAP = 4

export interface Line {
  at: number
  text: string
}

export interface Graticule {
  meridians: Line[]
  parallels: Line[]
}

const formatDegrees = (value: number, step: number, [plus, minus]: [string, string]) => {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))
  const letter = Math.abs(value) < step / 2 ? "" : ` ${value > 0 ? plus : minus}`
  return `${formatDecimal(Math.abs(value), digits)}°${letter}`
}

/** Build the visible meridians and parallels, with their positions in pixels. */
export function buildGraticule(view: View, size: Size): Graticule {
  const step = STEPS.findLast((one) => (one / 360) * view.scale >= MIN_DISTANCE) ?? 30
  const west = fromScreen({ x: 0, y: 0 }, view, size).x * 360 - 180
  const east = fromScreen({ x: size.width, y: 0 }, view, size).x * 360 - 180
  const meridians: Line[] = []
  for (let count = Math.ceil(west / step); count * step <= east; count += 1) {
    const longitude = count * step
    const wrapped = ((((longitude + 180) % 360) + 360) % 360) - 180
    const at = ((longitude - west) / 360) * view.scale
    const text = formatDegrees(wrapped, step, [t.east, t.west])
    // Beyond the edge of the world there is no label.
    meridians.push({
      at,
      text: at + LABEL_GAP + text.length * LETTER_WIDTH > size.width ? "" : text,
    })
  }
  const north = unproject(fromScreen({ x: 0, y: 0 }, view, size)).latitude
  const south = unproject(fromScreen({ x: 0, y: size.height }, view, size)).latitude
  const parallels: Line[] = []
  for (let count = Math.ceil(south / step); count * step <= north; count += 1) {
    const latitude = count * step
    const place = project({ latitude, longitude: 0 })
    parallels.push({
      at: toScreen({ x: view.x, y: place.y }, view, size).y,
      text: formatDegrees(latitude, step, [t.north, t.south]),
    })
  }
  return { meridians, parallels }
}

/** Build the scale bar: a round length that fits, as text and in pixels. */
export function buildScale(view: View): { width: number; text: string } {
  const metres = metresPerPixel(view)
  const most = metres * MAX_BAR_WIDTH
  const power = 10 ** Math.floor(Math.log10(most))
  const length = ([5, 2, 1].find((one) => one * power <= most) ?? 1) * power
  const text =
    length >= 1000
      ? `${length / 1000} km`
      : length >= 1
        ? `${length} m`
        : `${Math.round(length * 100)} cm`
  return { width: length / metres, text }
}
