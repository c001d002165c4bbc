/** Lines of latitude and longitude: the ground of a map where there is no coast and no tile. */
import type { FeatureCollection, LineString } from "geojson"
import type { LayerSpecification } from "maplibre-gl"
import { FONTS, type MapColours } from "./mapTheme"

type Bounds = [west: number, south: number, east: number, north: number]

/** Distances between lines in degrees, with the zooms at which they are drawn. */
const STEPS = [
  { step: 10, minzoom: 0, maxzoom: 5.5 },
  { step: 1, minzoom: 5.5, maxzoom: 8.5 },
  { step: 0.1, minzoom: 8.5, maxzoom: 12 },
  { step: 0.01, minzoom: 12, maxzoom: 24 },
] as const
/** The Mercator projection ends here. */
const MAX_LATITUDE = 80
/** Lines beyond the places on each side, and the maximum number of lines in one direction. */
const [AROUND, MAX_LINES] = [15, 120]

export const GRATICULE = "graticule"

interface GraticuleLine {
  step: number
  label: string
}

/** Build the lines around places; the coarsest ones cover the world. */
export function buildGraticule(bounds: Bounds): FeatureCollection<LineString, GraticuleLine> {
  const [west, south, east, north] = bounds
  const features = STEPS.flatMap(({ step }) => {
    const isWorld = step === STEPS[0].step
    const longitudes = isWorld ? listSteps(-180, 180, step) : listAround(west, east, step, 540)
    const latitudes = isWorld
      ? listSteps(-MAX_LATITUDE, MAX_LATITUDE, step)
      : listAround(south, north, step, MAX_LATITUDE)
    const [left, right] = [longitudes[0] ?? -180, longitudes.at(-1) ?? 180]
    const [bottom, top] = [latitudes[0] ?? -MAX_LATITUDE, latitudes.at(-1) ?? MAX_LATITUDE]
    return [
      ...longitudes.map((at) =>
        buildLine(step, formatDegrees(wrap(at), step, "E", "W"), [
          [at, bottom],
          [at, top],
        ]),
      ),
      ...latitudes.map((at) =>
        buildLine(step, formatDegrees(at, step, "N", "S"), [
          [left, at],
          [right, at],
        ]),
      ),
    ]
  })
  return { type: "FeatureCollection", features }
}

export const buildGraticuleLayers = (colours: MapColours): LayerSpecification[] =>
  STEPS.flatMap(({ step, minzoom, maxzoom }) => {
    const part = {
      source: GRATICULE,
      minzoom,
      maxzoom,
      filter: ["==", ["get", "step"], step] as ["==", ["get", string], number],
    }
    return [
      {
        id: `${GRATICULE}-${step}`,
        type: "line",
        ...part,
        paint: { "line-color": colours.lineStrong, "line-width": 0.5 },
      },
      {
        id: `${GRATICULE}-labels-${step}`,
        type: "symbol",
        ...part,
        layout: {
          "symbol-placement": "line",
          "symbol-spacing": 500,
          "text-field": ["get", "label"],
          "text-font": FONTS,
          "text-size": 10,
        },
        paint: {
          "text-color": colours.inkSoft,
          "text-halo-color": colours.halo,
          "text-halo-width": 1,
        },
      },
    ] satisfies LayerSpecification[]
  })

function listAround(from: number, to: number, step: number, limit: number): number[] {
  const margin = AROUND * step
  // Of places that are far apart, only the middle gets fine lines.
  const half = Math.min((to - from) / 2 + margin, (MAX_LINES * step) / 2)
  const middle = (from + to) / 2
  return listSteps(Math.max(middle - half, -limit), Math.min(middle + half, limit), step)
}

/** List the multiples of a step between two values. Whole numbers avoid errors of rounding. */
function listSteps(from: number, to: number, step: number): number[] {
  const perDegree = 1 / step
  const first = Math.ceil(from * perDegree - 1e-6)
  const last = Math.floor(to * perDegree + 1e-6)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => (first + at) / perDegree)
}

const wrap = (longitude: number): number => ((((longitude + 180) % 360) + 360) % 360) - 180

function formatDegrees(at: number, step: number, positive: string, negative: string): string {
  const digits = Math.max(0, Math.round(-Math.log10(step)))
  const text = Math.abs(at).toFixed(digits)
  return Number(text) === 0 ? "0°" : `${text}° ${at > 0 ? positive : negative}`
}

function buildLine(step: number, label: string, coordinates: [number, number][]) {
  return {
    type: "Feature" as const,
    properties: { step, label },
    geometry: { type: "LineString" as const, coordinates },
  }
}
