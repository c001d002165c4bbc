import type { Size } from "./size"

/** A part of a mask, cut to what is inside: one byte a cell, row by row, 1 is inside. */
export interface Grid extends Size {
  x: number
  y: number
  cells: Uint8Array
}

/** Beyond so many cells a mask is not spread out: a hundred megapixels. */
export const MAX_CELLS = 100_000_000

/**
 * The counts of COCO's compressed text: five bits a character from 48 on, the lowest first, the sixth says that more
 * follow; from the fourth count on each is told as what it differs from the one two before. Null if the text is none.
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

/** Counts as they were given, text or list; null if they are neither, or not all whole and positive. */
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

/** The inside of a mask of that size; null if it is empty, runs over its size, or is too large to be drawn. */
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
