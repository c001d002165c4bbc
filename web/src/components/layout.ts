/** Lays thumbnails out in rows that fill the width, each whole picture in its own proportions. */

export const WORDS_HEIGHT = 24
export const GAP = 8

export interface Row {
  /** Index of the row's first image. */
  first: number
  /** Height of its pictures, without the words below. */
  height: number
  widths: number[]
}

/** Rows for pictures of the given proportions (width over height), about `height` px high; the last row may stay open. */
export function rowsOf(proportions: number[], width: number, height: number): Row[] {
  const rows: Row[] = []
  let first = 0
  let sum = 0
  for (let at = 0; at < proportions.length; at += 1) {
    sum += Math.min(Math.max(proportions[at] ?? 1.5, 0.5), 4)
    const count = at - first + 1
    const room = width - GAP * (count - 1)
    const last = at === proportions.length - 1
    if (sum * height < room && !last) continue
    const full = sum * height >= room
    const rowHeight = Math.round(full ? room / sum : height)
    const widths = proportions.slice(first, at + 1).map((one) => Math.floor(Math.min(Math.max(one, 0.5), 4) * rowHeight))
    // What rounding left over goes to the last one, so that the right edge is straight.
    if (full) widths[count - 1] = room - widths.slice(0, -1).reduce((all, one) => all + one, 0)
    rows.push({ first, height: rowHeight, widths })
    first = at + 1
    sum = 0
  }
  return rows
}
