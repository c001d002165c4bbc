import { expect, test } from "vitest"
import { buildMatrix, type Cell } from "./matrix"

const cell = (answer_a: string, answer_b: string, images: number, open = 0): Cell => ({
  answer_a,
  answer_b,
  images,
  open,
  agree: answer_a === answer_b,
})

const CELLS = [
  cell("fox", "fox", 5),
  cell("lynx", "lynx", 20),
  cell("fox", "lynx", 3, 2),
  cell("fox", "blank", 30, 30),
]
const count = (one: Cell) => one.images

test("the same answers are on the diagonal, the most frequent answer of the first is first", () => {
  const matrix = buildMatrix(CELLS, count, 10)
  expect(matrix.rows).toEqual(["fox", "lynx"])
  expect(matrix.columns).toEqual(["fox", "lynx", "blank"])
  expect(matrix.find("fox", "lynx")?.images).toBe(3)
  expect(matrix.find("lynx", "fox")).toBeUndefined()
  expect([matrix.most, matrix.leftOut]).toEqual([30, 0])
})

test("rare answers are left out with their number of images", () => {
  const matrix = buildMatrix(CELLS, count, 1)
  expect([matrix.rows, matrix.columns]).toEqual([["fox"], ["fox"]])
  expect([matrix.most, matrix.leftOut]).toEqual([5, 53])
})

test("open differences alone have only the cells that have some", () => {
  const matrix = buildMatrix(CELLS, (one) => one.open, 10)
  expect([matrix.rows, matrix.columns]).toEqual([["fox"], ["blank", "lynx"]])
})
