/** Outlines of masks, along the edges of their cells, so that they are exact at any zoom. */
import type { Grid } from "./runLengths"

const ALONG = [1, 0, -1, 0]
const DOWN = [0, 1, 0, -1]

/**
 * Maximum number of corners that a browser draws without delay; a mask with more is drawn at a
 * lower resolution.
 */
const MAX_CORNERS = 200_000

/** Build the outline as an SVG path, including holes. A cell is `across` by `down` image pixels. */
export function buildOutline(grid: Grid, across = 1, down = 1): string {
  return traceEdges(grid, across, down) ?? buildOutline(halveGrid(grid), across * 2, down * 2)
}

/** Return a grid with a quarter of the cells: a cell is inside if at least half of its area was. */
function halveGrid(grid: Grid): Grid {
  const [width, height] = [Math.ceil(grid.width / 2), Math.ceil(grid.height / 2)]
  const cells = new Uint8Array(width * height)
  for (let y = 0; y < grid.height; y += 1)
    for (let x = 0; x < grid.width; x += 1) {
      const at = (y >> 1) * width + (x >> 1)
      cells[at] = (cells[at] ?? 0) + (grid.cells[y * grid.width + x] ?? 0)
    }
  return {
    x: grid.x / 2,
    y: grid.y / 2,
    width,
    height,
    cells: cells.map((inside) => Number(inside >= 2)),
  }
}

function traceEdges(grid: Grid, across: number, down: number): string | null {
  const { width, height, cells } = grid
  let corner = 0
  const inside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && cells[y * width + x] !== 0
  const seen = new Uint8Array(cells.length)
  const rings: string[] = []
  const say = (x: number, y: number) =>
    `${formatCoordinate((grid.x + x) * across)} ${formatCoordinate((grid.y + y) * down)}`
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const cell = row * width + column
      if (cells[cell] === 0 || seen[cell] || inside(column, row - 1)) continue
      // Every ring, also that of a hole, runs eastwards along the top of some cell; the inside is
      // on the right.
      let [x, y, heading] = [column, row, 0]
      const corners: string[] = [say(x, y)]
      do {
        if (heading === 0) seen[y * width + x] = 1
        x += ALONG[heading] ?? 0
        y += DOWN[heading] ?? 0
        // The cells ahead of the corner, to the right and to the left.
        const right = inside(
          x - (heading === 1 || heading === 2 ? 1 : 0),
          y - (heading === 2 || heading === 3 ? 1 : 0),
        )
        const left = inside(
          x - (heading === 2 || heading === 3 ? 1 : 0),
          y - (heading === 0 || heading === 3 ? 1 : 0),
        )
        const turned = !right ? (heading + 1) % 4 : left ? (heading + 3) % 4 : heading
        if (turned !== heading) corners.push(say(x, y))
        heading = turned
      } while (x !== column || y !== row || heading !== 0)
      corners.pop()
      corner += corners.length
      if (corner > MAX_CORNERS) return null
      rings.push(`M${corners.join("L")}Z`)
    }
  }
  return rings.join("")
}

const formatCoordinate = (value: number) => Math.round(value * 100) / 100
