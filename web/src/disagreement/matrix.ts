/** The rows and columns of a confusion matrix, from its cells. */

export interface Cell {
  answer_a: string
  answer_b: string
  images: number
  open: number
  agree: boolean
}

export interface Matrix<C extends Cell> {
  /** Answers of the first source, the most frequent first. */
  rows: string[]
  /** Answers of the second source: those of the rows in the same order, then the others. */
  columns: string[]
  find: (row: string, column: string) => C | undefined
  /** The largest number of images in a cell, for its shade. */
  most: number
  /** Images in answers that have no row or no column. */
  leftOut: number
}

/** Sum the images of each answer; the answers with the most images are first. */
function rank<C extends Cell>(cells: C[], of: (cell: C) => string, count: (cell: C) => number) {
  const sums = new Map<string, number>()
  for (const cell of cells) sums.set(of(cell), (sums.get(of(cell)) ?? 0) + count(cell))
  return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name)
}

/** Build a matrix of at most `size` rows and columns; cells without an image are left out. */
export function buildMatrix<C extends Cell>(
  all: C[],
  count: (cell: C) => number,
  size: number,
): Matrix<C> {
  const cells = all.filter((cell) => count(cell) > 0)
  const rows = rank(cells, (cell) => cell.answer_a, count).slice(0, size)
  const others = rank(cells, (cell) => cell.answer_b, count)
  const columns = [
    ...rows.filter((name) => others.includes(name)),
    ...others.filter((name) => !rows.includes(name)),
  ].slice(0, size)
  const byKey = new Map(cells.map((cell) => [JSON.stringify([cell.answer_a, cell.answer_b]), cell]))
  const shown = cells.filter(
    (cell) => rows.includes(cell.answer_a) && columns.includes(cell.answer_b),
  )
  const sum = (some: C[]) => some.reduce((total, cell) => total + count(cell), 0)
  return {
    rows,
    columns,
    find: (row, column) => byKey.get(JSON.stringify([row, column])),
    most: Math.max(...shown.map(count), 1),
    leftOut: sum(cells) - sum(shown),
  }
}
