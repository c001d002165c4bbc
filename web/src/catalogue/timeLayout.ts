/** Lays a grid out by the counts of its days: where each day and each image lies, before any of them is fetched. */

export const CAPTION_HEIGHT = 24
export const GAP = 8
export const HEAD_HEIGHT = 44
/** The words of a heading begin and end this far below its top; the name at the head of the page is this high. */
const HEAD_PADDING = 16
const HEAD_TEXT_END = 40
const FLOAT_HEIGHT = 30
/** So many images are fetched at once. */
export const CHUNK_SIZE = 100
/** Higher than this no browser draws an element; what is longer is scrolled through in proportion. */
export const MAX_HEIGHT = 8_000_000

/** A day, or a month where days have few images each: as 2026-06-01 or 2026-06, with its earliest and latest day. */
export interface Section {
  key: string
  from: string
  to: string
  images: number
}

export interface Day extends Section {
  /** Index of its first image among all. */
  first: number
  /** Where its heading begins, in pixels from the top. */
  top: number
}

export interface Layout {
  days: Day[]
  images: number
  columns: number
  tileWidth: number
  pictureHeight: number
  rowHeight: number
  height: number
}

/** Images that are fetched together: of some days, or a part of one. */
export interface Chunk {
  first: number
  images: number
  /** Its earliest and its latest day. */
  from: string
  to: string
  skip: number
}

const getTargetWidth = (width: number) => (width < 500 ? 150 : width < 1000 ? 190 : 240)

export const getColumns = (width: number) => Math.max(2, Math.round(width / getTargetWidth(width)))

/** Headings for days, or for months where a row would hardly be filled by a day. */
export function buildSections(
  counts: { day: string; images: number }[],
  columns: number,
): Section[] {
  const sections: Section[] = []
  const images = counts.reduce((sum, one) => sum + one.images, 0)
  const length = images < counts.length * columns * 0.75 ? 7 : 10
  for (const one of counts) {
    const key = one.day.slice(0, length)
    const open = sections.at(-1)
    if (open?.key !== key) sections.push({ key, from: one.day, to: one.day, images: one.images })
    else {
      open.images += one.images
      if (one.day < open.from) open.from = one.day
      if (one.day > open.to) open.to = one.day
    }
  }
  return sections
}

export function buildLayout(sections: Section[], width: number, proportion: number): Layout {
  const columns = getColumns(width)
  const tileWidth = Math.floor((width - GAP * (columns - 1)) / columns)
  const pictureHeight = Math.round(tileWidth / proportion)
  const rowHeight = pictureHeight + CAPTION_HEIGHT + GAP
  const days: Day[] = []
  let first = 0
  let top = 0
  for (const section of sections) {
    days.push({ ...section, first, top })
    first += section.images
    top += HEAD_HEIGHT + Math.ceil(section.images / columns) * rowHeight
  }
  return { days, images: first, columns, tileWidth, pictureHeight, rowHeight, height: top }
}

/** Index of the last of some ordered things that begins at or before `at`; 0 where none does. */
export function findIndexAt<T>(things: T[], at: number, begins: (thing: T) => number): number {
  let low = 0
  let high = things.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (begins(things[middle] as T) <= at) low = middle
    else high = middle - 1
  }
  return low
}

/** The day whose name floats over its images: none while a heading is where it would float, which says it itself. */
export function findFloatingDay(layout: Layout, top: number): Day | null {
  const at = findIndexAt(layout.days, top, (one) => one.top)
  const [here, next] = [layout.days[at], layout.days[at + 1]]
  const isCovered =
    !here ||
    top < here.top + HEAD_TEXT_END ||
    (next && next.top + HEAD_PADDING - FLOAT_HEIGHT < top)
  return isCovered ? null : here
}

/** Where an image lies. */
export function getPosition(
  layout: Layout,
  index: number,
): { day: Day; column: number; row: number; left: number; top: number } | null {
  const day = layout.days[findIndexAt(layout.days, index, (one) => one.first)]
  if (!day) return null
  const column = (index - day.first) % layout.columns
  const row = Math.floor((index - day.first) / layout.columns)
  return {
    day,
    column,
    row,
    left: column * (layout.tileWidth + GAP),
    top: day.top + HEAD_HEIGHT + row * layout.rowHeight,
  }
}

/** The images that lie between two heights: the first, and the one behind the last. */
export function getRange(layout: Layout, from: number, to: number): [number, number] {
  const inDay = (at: number, ceil: boolean): number => {
    const day = layout.days[findIndexAt(layout.days, at, (one) => one.top)]
    if (!day) return 0
    const rows = (at - day.top - HEAD_HEIGHT) / layout.rowHeight
    return (
      day.first +
      Math.min(
        Math.max((ceil ? Math.ceil(rows) : Math.floor(rows)) * layout.columns, 0),
        day.images,
      )
    )
  }
  return [inDay(from, false), inDay(to, true)]
}

const earlier = (one: string, other: string) => (one < other ? one : other)
const later = (one: string, other: string) => (one < other ? other : one)

/** Split all images into chunks: small days together, large ones into parts. */
export function splitChunks(days: Day[]): Chunk[] {
  const chunks: Chunk[] = []
  let open = null as Chunk | null
  for (const { from, to, first, images } of days) {
    if (open && open.images + images <= CHUNK_SIZE) {
      open = {
        ...open,
        images: open.images + images,
        from: earlier(from, open.from),
        to: later(to, open.to),
      }
      chunks[chunks.length - 1] = open
      continue
    }
    open = null
    for (let skip = 0; skip < images; skip += CHUNK_SIZE) {
      const part = {
        first: first + skip,
        images: Math.min(CHUNK_SIZE, images - skip),
        from,
        to,
        skip,
      }
      chunks.push(part)
      if (images <= CHUNK_SIZE) open = part
    }
  }
  return chunks
}

/** The image that arrow keys lead to from one. */
export function getAdjacentIndex(layout: Layout, index: number, key: string): number | null {
  const here = getPosition(layout, index)
  if (!here) return null
  const last = layout.images - 1
  const down = key === "ArrowDown"
  switch (key) {
    case "ArrowLeft":
      return Math.max(index - 1, 0)
    case "ArrowRight":
      return Math.min(index + 1, last)
    case "Home":
      return 0
    case "End":
      return last
    case "ArrowUp":
    case "ArrowDown": {
      const rows = Math.ceil(here.day.images / layout.columns)
      const row = here.row + (down ? 1 : -1)
      if (row >= 0 && row < rows)
        return Math.min(
          here.day.first + row * layout.columns + here.column,
          here.day.first + here.day.images - 1,
        )
      const other = layout.days[layout.days.indexOf(here.day) + (down ? 1 : -1)]
      if (!other) return index
      const otherRow = down ? 0 : Math.ceil(other.images / layout.columns) - 1
      return Math.min(
        other.first + otherRow * layout.columns + here.column,
        other.first + other.images - 1,
      )
    }
    default:
      return null
  }
}

/** An image of the grid, to which the screen returns: its day, and its place in the list if that is known. */
export interface GridPosition {
  id: string
  day: string
  index?: number
}

/** The place that an entry of the browser's history returns to. */
export const getSavedPosition = () =>
  (window.history.state as { at?: GridPosition } | null)?.at ?? null
