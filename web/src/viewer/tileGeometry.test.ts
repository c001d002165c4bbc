import { expect, test } from "vitest"
import { getTileLevel, listVisibleTiles } from "./tileGeometry"

const image = { width: 8000, height: 5001 }
const tiles = { size: 512, levels: 3 }
const canvas = { width: 1000, height: 700 }

test("a level has at least one pixel for each pixel of the screen", () => {
  expect([4, 1, 0.9, 0.5, 0.49, 0.25, 0.2, 0.01].map((scale) => getTileLevel(3, scale))).toEqual([
    0, 0, 0, 1, 1, 2, 2, 2,
  ])
})

test("only the tiles inside the canvas are listed", () => {
  const shown = listVisibleTiles(image, tiles, { scale: 1, x: -1024, y: -600 }, canvas, 1)
  expect(shown.map((tile) => tile.name).sort()).toEqual(["0-2-1", "0-2-2", "0-3-1", "0-3-2"])
  expect(shown).toContainEqual({
    name: "0-3-2",
    level: 0,
    x: 1536,
    y: 1024,
    width: 512,
    height: 512,
  })
})

test("tiles at the edge are smaller, and none is beyond it", () => {
  const shown = listVisibleTiles(image, tiles, { scale: 1, x: -7500, y: -4500 }, canvas, 1)
  expect(shown.map((tile) => tile.name).sort()).toEqual(["0-14-8", "0-14-9", "0-15-8", "0-15-9"])
  expect(shown.find((tile) => tile.name === "0-15-9")).toMatchObject({ width: 320, height: 393 })
})

test("a smaller level covers the whole image with few tiles", () => {
  const scale = 0.125
  const shown = listVisibleTiles(image, tiles, { scale, x: 0, y: 0 }, canvas, 1)
  expect(shown).toHaveLength(4 * 3)
  expect(Math.max(...shown.map((tile) => tile.y + tile.height))).toBe(5004)
})
