/** MapLibre GL with its web worker and PMTiles: a chunk that is loaded with the first map. */
import * as maplibre from "maplibre-gl"
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url"
import { PMTiles, Protocol, TileType } from "pmtiles"
import "maplibre-gl/dist/maplibre-gl.css"
import { describeTiles, type TileContent } from "./mapStyle"
import type { MapTiles } from "./mapTiles"

// The default worker is a blob, which the policy of the page refuses.
maplibre.setWorkerUrl(workerUrl)
const protocol = new Protocol()
maplibre.addProtocol("pmtiles", protocol.tile)

export { maplibre }

/** Read what the operator's tiles contain. */
export async function readTileContent(tiles: MapTiles): Promise<TileContent> {
  if (tiles.kind !== "archive") return describeTiles(tiles)
  const url = new URL(tiles.url, location.href).href
  const archive = new PMTiles(url)
  protocol.add(archive)
  const [header, metadata] = await Promise.all([
    archive.getHeader(),
    archive.getMetadata() as Promise<{ vector_layers?: { id: string }[] }>,
  ])
  return {
    kind: header.tileType === TileType.Mvt ? "vector" : "raster",
    url: `pmtiles://${url}`,
    layers: metadata.vector_layers?.map((one) => one.id),
  }
}
