/** The operator's map tiles, which the server names in the document. */

export interface MapTiles {
  url: string
  /** A PMTiles file, or the content of the tiles of a URL with {z}, {x} and {y}. */
  kind: "archive" | "raster" | "vector"
  attribution: string
}

/** Parse the content of the element `map-tiles`; null without tiles. */
export function parseMapTiles(content: string | null | undefined): MapTiles | null {
  return content ? (JSON.parse(content) as MapTiles) : null
}

export const getMapTiles = () =>
  parseMapTiles(document.querySelector<HTMLMetaElement>('meta[name="map-tiles"]')?.content)

/** Split a text into parts, of which every second one is a URL. */
export const splitUrls = (text: string): string[] => text.split(/(https?:\/\/[^\s<>()]+)/)
