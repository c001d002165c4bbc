import { expect, test } from "vitest"
import { buildMapStyle, describeTiles } from "./mapStyle"
import type { MapColours } from "./mapTheme"
import { parseMapTiles, splitUrls } from "./mapTiles"

const colours: MapColours = {
  water: "rgb(1, 1, 1)",
  land: "rgb(2, 2, 2)",
  line: "rgb(3, 3, 3)",
  lineStrong: "rgb(4, 4, 4)",
  ink: "rgb(5, 5, 5)",
  inkSoft: "rgb(6, 6, 6)",
  halo: "rgb(7, 7, 7)",
  isDark: false,
}
const land = { type: "FeatureCollection" as const, features: [] }
const ids = (style: ReturnType<typeof buildMapStyle>) => style.layers.map((one) => one.id)

test("without tiles the ground is coarse land, and nothing is loaded", () => {
  const style = buildMapStyle(colours, land, null)
  expect(ids(style)).toEqual(["water", "land", "coast"])
  expect(JSON.stringify(style)).not.toContain("://")
  expect([style.glyphs, style.sprite]).toEqual([undefined, undefined])
})

test("lines of latitude and longitude are drawn only where there are no tiles", () => {
  const content = { kind: "raster" as const, tiles: ["/{z}/{x}/{y}"] }
  expect(ids(buildMapStyle(colours, land, null, land))).toContain("graticule-10")
  expect(ids(buildMapStyle(colours, land, content, land))).not.toContain("graticule-10")
})

test("without land the map is still drawn", () => {
  expect(ids(buildMapStyle(colours, null, null))).toEqual(["water"])
})

test("raster tiles are above the land, and darker in the dark theme", () => {
  const tiles = parseMapTiles('{"url":"https://a.org/{z}/{x}/{y}.png","kind":"raster"}')
  const content = tiles && describeTiles(tiles)
  const style = buildMapStyle({ ...colours, isDark: true }, land, content)
  expect(ids(style).at(-1)).toBe("tiles")
  expect(style.sources.tiles).toMatchObject({
    type: "raster",
    tiles: ["https://a.org/{z}/{x}/{y}.png"],
  })
  expect(JSON.stringify(style.layers)).toContain('"raster-brightness-max":0.6')
})

test("vector tiles show only layers that the file contains", () => {
  const content = { kind: "vector" as const, url: "pmtiles:///a", layers: ["earth", "roads"] }
  expect(ids(buildMapStyle(colours, land, content)).slice(3)).toEqual([
    "tiles-earth",
    "tiles-line-roads",
  ])
})

test("no element means no tiles, and URLs of an attribution are found", () => {
  expect(parseMapTiles(null)).toBeNull()
  expect(splitUrls("© OSM (https://osm.org/copyright), ODbL")).toEqual([
    "© OSM (",
    "https://osm.org/copyright",
    "), ODbL",
  ])
})
