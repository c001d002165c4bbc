import type { Size } from "./size"

/** A part of a mask, cropped to its inside: one byte per cell, row by row, 1 is inside. */
export interface Grid extends Size {
  x: number
  y: number
  cells: Uint8Array
}

/** Maximum number of cells of a mask that is decoded: a hundred megapixels. */
export const MAX_CELLS = 100_000_000

/**
 * Decode the counts of COCO's compressed text; null if the text is invalid.
 *
 * Each character is 48 plus six bits: five bits of the number, lowest first, and one that is set if
 * more follow. From the fourth count on, each is the difference to the count two before it.
 */
export function decodeCounts(text: string): number[] | null {
  const counts: number[] = []
  let at = 0
  while (at < text.length) {
    let value = 0
    let place = 1
    let part: number
    do {
      part = text.charCodeAt(at) - 48
      if (!(part >= 0 && part < 64) || place > 2 ** 45) return null
      value += (part & 31) * place
      place *= 32
      at += 1
    } while (part & 32)
    if (part & 16) value -= place
    const before = counts.length > 2 ? (counts[counts.length - 2] ?? 0) : 0
    counts.push(value + before)
  }
  return counts
}

/** Parse counts given as text or list; null unless all are whole and not negative. */
export function parseCounts(given: unknown): number[] | null {
  const counts =
    typeof given === "string"
      ? decodeCounts(given)
      : Array.isArray(given)
        ? (given as unknown[])
        : null
  return counts?.every(
    (count): count is number => Number.isInteger(count) && (count as number) >= 0,
  )
    ? counts
    : null
}

/** Decode the inside of a mask; null if it is empty, longer than its size, or too large to draw. */
export function decodeMask(counts: number[], size: Size): Grid | null {
  const { width, height } = size
  let [left, top, right, bottom] = [width, height, -1, -1]
  const runs: [number, number][] = []
  let at = 0
  counts.forEach((count, index) => {
    if (index % 2 === 1 && count > 0) {
      runs.push([at, count])
      const [first, last] = [Math.floor(at / height), Math.floor((at + count - 1) / height)]
      left = Math.min(left, first)
      right = Math.max(right, last)
      top = Math.min(top, last > first ? 0 : at % height)
      bottom = Math.max(bottom, last > first ? height - 1 : (at + count - 1) % height)
    }
    at += count
  })
  const grid = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
  if (runs.length === 0 || at > width * height || grid.width * grid.height > MAX_CELLS) return null
  const cells = new Uint8Array(grid.width * grid.height)
  for (const [start, count] of runs) {
    for (let index = start; index < start + count; index += 1) {
      cells[((index % height) - top) * grid.width + Math.floor(index / height) - left] = 1
    }
  }
  return { ...grid, cells }
}
