/** Circles of a map as GeoJSON, their layers, and the area that shows all of them. */
import type { FeatureCollection, Point } from "geojson"
import type { LayerSpecification } from "maplibre-gl"
import { FONTS, type MapColours } from "./mapTheme"

export interface MapCircle {
  id: string
  longitude: number
  latitude: number
  /** Radius in pixels; 0 is drawn as a small hollow dot. */
  radius: number
  label: string
}

export const CIRCLES = "circles"
const SMALLEST = 3
const HOLLOW = 4

/** Return the radius for a value, so that the area of the circle is proportional to the value. */
export function computeRadius(value: number, most: number, largest: number): number {
  if (!(value > 0 && most > 0)) return 0
  return Math.max(SMALLEST, largest * Math.sqrt(value / most))
}

/** Return a circle for each place; small circles are drawn above large ones. */
export function buildCircles(
  circles: MapCircle[],
  chosen: string | null,
): FeatureCollection<Point> {
  return {
    type: "FeatureCollection",
    features: circles
      .toSorted((a, b) => b.radius - a.radius)
      .map((one) => ({
        type: "Feature",
        geometry: { type: "Point", coordinates: [one.longitude, one.latitude] },
        properties: {
          id: one.id,
          label: one.label,
          radius: one.radius || HOLLOW,
          isHollow: one.radius === 0,
          isChosen: one.id === chosen,
        },
      })),
  }
}

export function buildCircleLayers(colours: MapColours, fill: string): LayerSpecification[] {
  const isHollow = ["boolean", ["get", "isHollow"]] as ["boolean", ["get", string]]
  const isChosen = ["boolean", ["get", "isChosen"]] as ["boolean", ["get", string]]
  return [
    {
      id: "chosen",
      type: "circle",
      source: CIRCLES,
      filter: isChosen,
      paint: {
        "circle-radius": ["+", ["get", "radius"], 5],
        "circle-opacity": 0,
        "circle-stroke-color": colours.ink,
        "circle-stroke-width": 2.5,
      },
    },
    {
      id: CIRCLES,
      type: "circle",
      source: CIRCLES,
      paint: {
        "circle-radius": ["get", "radius"],
        "circle-color": ["case", isHollow, colours.halo, fill],
        "circle-opacity": 0.7,
        "circle-stroke-color": ["case", isHollow, colours.inkSoft, colours.ink],
        "circle-stroke-width": 1.25,
      },
    },
    {
      id: "labels",
      type: "symbol",
      source: CIRCLES,
      layout: {
        "text-field": ["get", "label"],
        "text-font": FONTS,
        "text-size": 12,
        "text-variable-anchor": ["left", "right", "top", "bottom"],
        // In units of the text size.
        "text-radial-offset": ["+", ["/", ["get", "radius"], 12], ["case", isChosen, 0.8, 0.4]],
        "text-justify": "auto",
        "symbol-sort-key": ["-", 0, ["get", "radius"]],
      },
      paint: {
        "text-color": colours.ink,
        "text-halo-color": colours.halo,
        "text-halo-width": 1.5,
      },
    },
  ]
}

/** Degrees of margin around a single place, about 2 km in latitude. */
const MARGIN = 0.01

/**
 * Return [west, south, east, north] of all places. East is above 180° for places on both sides of
 * the antimeridian.
 */
export function findBounds(
  places: Pick<MapCircle, "longitude" | "latitude">[],
): [number, number, number, number] {
  if (places.length === 0) return [-180, -60, 180, 75]
  const latitudes = places.map((one) => one.latitude)
  const longitudes = places.map((one) => one.longitude).toSorted((a, b) => a - b)
  // The map leaves out the widest gap between neighbours, around the whole globe.
  let west = longitudes[0] ?? 0
  let east = longitudes.at(-1) ?? 0
  let widest = 360 - (east - west)
  for (const [at, longitude] of longitudes.entries()) {
    const before = longitudes[at - 1]
    if (before === undefined || longitude - before <= widest) continue
    widest = longitude - before
    west = longitude
    east = before + 360
  }
  return [
    west - MARGIN,
    Math.max(-85, Math.min(...latitudes) - MARGIN),
    east + MARGIN,
    Math.min(85, Math.max(...latitudes) + MARGIN),
  ]
}
