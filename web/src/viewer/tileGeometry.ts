/** The tiles of a large image that a view shows. */
import type { ImageTiles } from "../api/types"
import type { Rectangle } from "../findings/shapes"
import type { Size } from "../findings/size"
import type { View } from "./viewGeometry"

/** A tile, with its place in pixels of the image. */
export interface Tile extends Rectangle {
  /** LEVEL-COLUMN-ROW. */
  name: string
  level: number
}

/** Return the smallest level that has a pixel for each pixel of the screen, or else level 0. */
export function getTileLevel(levels: number, pixelScale: number): number {
  const level = Math.floor(Math.log2(1 / pixelScale) + 1e-9)
  return Math.min(Math.max(level, 0), levels - 1)
}

/** List the tiles that a canvas shows, those nearest to its centre first. */
export function listVisibleTiles(
  image: Size,
  { size, levels }: Pick<ImageTiles, "size" | "levels">,
  view: View,
  canvas: Size,
  density: number,
): Tile[] {
  const level = getTileLevel(levels, view.scale * density)
  const factor = 2 ** level
  const side = size * factor
  const width = Math.ceil(image.width / factor)
  const height = Math.ceil(image.height / factor)
  const range = (start: number, room: number, length: number) => {
    const first = Math.max(Math.floor(-start / view.scale / side), 0)
    const last = Math.min(Math.ceil((room - start) / view.scale / side), Math.ceil(length / size))
    return Array.from({ length: Math.max(last - first, 0) }, (_, index) => first + index)
  }
  const centre = {
    x: (canvas.width / 2 - view.x) / view.scale,
    y: (canvas.height / 2 - view.y) / view.scale,
  }
  const getDistance = (tile: Rectangle) =>
    Math.hypot(tile.x + side / 2 - centre.x, tile.y + side / 2 - centre.y)
  return range(view.y, canvas.height, height)
    .flatMap((row) =>
      range(view.x, canvas.width, width).map((column) => ({
        name: `${level}-${column}-${row}`,
        level,
        x: column * side,
        y: row * side,
        width: Math.min(size, width - column * size) * factor,
        height: Math.min(size, height - row * size) * factor,
      })),
    )
    .sort((one, other) => getDistance(one) - getDistance(other))
}
