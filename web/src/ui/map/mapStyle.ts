/**
 * The ground of a map: coarse land, and above it the operator's tiles, or without tiles lines of
 * latitude and longitude. Nothing else is loaded.
 */
import type { GeoJSON } from "geojson"
import type { LayerSpecification, StyleSpecification } from "maplibre-gl"
import { buildGraticuleLayers, GRATICULE } from "./graticule"
import { FONTS, type MapColours } from "./mapTheme"
import type { MapTiles } from "./mapTiles"

/** The content of the tiles. Layers are known for a PMTiles file only. */
export interface TileContent {
  kind: "raster" | "vector"
  url?: string
  tiles?: string[]
  /** Layers of vector tiles; undefined if they are unknown. */
  layers?: string[]
}

export const TILES = "tiles"

export function describeTiles(tiles: MapTiles): TileContent {
  return tiles.kind === "vector"
    ? { kind: "vector", tiles: [tiles.url] }
    : { kind: "raster", tiles: [tiles.url] }
}

export function buildMapStyle(
  colours: MapColours,
  land: GeoJSON | null,
  content: TileContent | null,
  graticule: GeoJSON | null = null,
): StyleSpecification {
  return {
    version: 8,
    sources: {
      ...(land ? { land: { type: "geojson" as const, data: land, tolerance: 0.2 } } : {}),
      ...(graticule && !content ? { [GRATICULE]: { type: "geojson", data: graticule } } : {}),
      ...(content ? { [TILES]: buildSource(content) } : {}),
    },
    layers: [
      { id: "water", type: "background", paint: { "background-color": colours.water } },
      ...(land ? buildLand(colours) : []),
      ...(graticule && !content ? buildGraticuleLayers(colours) : []),
      ...(content ? buildTileLayers(colours, content) : []),
    ],
  }
}

function buildSource({ kind, url, tiles }: TileContent) {
  const place = url ? { url } : { tiles: tiles ?? [] }
  return kind === "vector"
    ? ({ type: "vector", ...place } as const)
    : ({ type: "raster", tileSize: 256, ...place } as const)
}

const buildLand = (colours: MapColours): LayerSpecification[] => [
  { id: "land", type: "fill", source: "land", paint: { "fill-color": colours.land } },
  {
    id: "coast",
    type: "line",
    source: "land",
    paint: { "line-color": colours.lineStrong, "line-width": 0.8 },
  },
]

/** Layers of raster tiles, or of vector tiles in the schemas of Protomaps and OpenMapTiles. */
function buildTileLayers(colours: MapColours, { kind, layers }: TileContent): LayerSpecification[] {
  if (kind === "raster")
    return [
      {
        id: TILES,
        type: "raster",
        source: TILES,
        // Light tiles would be too bright in the dark theme.
        paint: colours.isDark
          ? { "raster-brightness-max": 0.6, "raster-saturation": -0.3 }
          : { "raster-saturation": -0.1 },
      },
    ]
  const fill = (name: string, color: string, opacity = 1): LayerSpecification => ({
    id: `${TILES}-${name}`,
    type: "fill",
    source: TILES,
    "source-layer": name,
    filter: ["==", ["geometry-type"], "Polygon"],
    paint: { "fill-color": color, "fill-opacity": opacity },
  })
  const line = (name: string, color: string, width: number): LayerSpecification => ({
    id: `${TILES}-line-${name}`,
    type: "line",
    source: TILES,
    "source-layer": name,
    filter: ["!=", ["geometry-type"], "Point"],
    paint: {
      "line-color": color,
      "line-width": ["interpolate", ["linear"], ["zoom"], 6, width / 2, 14, 2 * width],
    },
  })
  const names = (name: string): LayerSpecification => ({
    id: `${TILES}-name-${name}`,
    type: "symbol",
    source: TILES,
    "source-layer": name,
    filter: ["==", ["geometry-type"], "Point"],
    layout: { "text-field": ["get", "name"], "text-font": FONTS, "text-size": 12 },
    paint: { "text-color": colours.inkSoft, "text-halo-color": colours.halo, "text-halo-width": 1 },
  })
  const all: [string, LayerSpecification][] = [
    ["earth", fill("earth", colours.land)],
    ["landcover", fill("landcover", colours.line, 0.5)],
    ["landuse", fill("landuse", colours.line, 0.4)],
    ["park", fill("park", colours.line, 0.4)],
    ["water", fill("water", colours.water)],
    ["water", line("water", colours.lineStrong, 0.6)],
    ["waterway", line("waterway", colours.lineStrong, 0.6)],
    ["roads", line("roads", colours.lineStrong, 1)],
    ["transportation", line("transportation", colours.lineStrong, 1)],
    ["boundaries", line("boundaries", colours.inkSoft, 0.8)],
    ["boundary", line("boundary", colours.inkSoft, 0.8)],
    ["places", names("places")],
    ["place", names("place")],
  ]
  return all.filter(([name]) => !layers || layers.includes(name)).map(([, layer]) => layer)
}
