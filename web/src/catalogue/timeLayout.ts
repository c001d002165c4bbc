/**
 * Computes the position of each day and image from the counts per day, before images are fetched.
 */

export const CAPTION_HEIGHT = 24
export const GAP = 8
export const HEAD_HEIGHT = 44
/**
 * Pixels between the top of a heading and its text; also the height of the floating name of the
 * day.
 */
const HEAD_PADDING = 16
const HEAD_TEXT_END = 40
const FLOAT_HEIGHT = 30
/** Number of images per request. */
export const CHUNK_SIZE = 100
/** Browsers limit the height of an element. A higher layout is scrolled in proportion. */
export const MAX_HEIGHT = 8_000_000

/**
 * A day (2026-06-01), or a month (2026-06) if its days have few images each, with its first and
 * last day.
 */
export interface Section {
  key: string
  from: string
  to: string
  images: number
}

export interface Day extends Section {
  /** Index of its first image in the whole grid. */
  first: number
  /** Top of its heading, in pixels. */
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

/** Images that are fetched together: those of several days, or a part of one day. */
export interface Chunk {
  first: number
  images: number
  /** Its first and last day. */
  from: string
  to: string
  skip: number
}

const getTargetWidth = (width: number) => (width < 500 ? 150 : width < 1000 ? 190 : 240)

export const getColumns = (width: number) => Math.max(2, Math.round(width / getTargetWidth(width)))

/** Build sections by day, or by month where a day would hardly fill a row. */
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

/**
 * Return the index of the last item that starts at or before `at`; 0 without such an item. `things` are
 * in order.
 */
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

/**
 * Return the day whose name floats over the images; null while its own heading is in that place.
 */
export function findFloatingDay(layout: Layout, top: number): Day | null {
  const at = findIndexAt(layout.days, top, (one) => one.top)
  const [here, next] = [layout.days[at], layout.days[at + 1]]
  const isCovered =
    !here ||
    top < here.top + HEAD_TEXT_END ||
    (next && next.top + HEAD_PADDING - FLOAT_HEIGHT < top)
  return isCovered ? null : here
}

/** The images of a week, or of a month where the sections are months, as a bar of the rail. */
export interface WeekBar {
  /** Its start and its extent, as parts of the height of the layout. */
  place: number
  height: number
  /** Its number of images, as a part of the most of any week. */
  share: number
}

const DAY_MS = 86_400_000
/** 1 January 1970 was a Thursday; weeks start on Monday. */
const getWeek = (day: string) => Math.floor((Date.parse(`${day}T00:00:00Z`) / DAY_MS + 3) / 7)

/** Build the bars of the rail from the sections of a layout. */
export function buildWeeks(layout: Layout): WeekBar[] {
  const weeks: { key: string | number; top: number; images: number }[] = []
  for (const day of layout.days) {
    const key = day.key.length === 7 ? day.key : getWeek(day.key)
    const open = weeks.at(-1)
    if (open?.key === key) open.images += day.images
    else weeks.push({ key, top: day.top, images: day.images })
  }
  const most = Math.max(...weeks.map((week) => week.images), 1)
  return weeks.map(({ top, images }, at) => ({
    place: top / layout.height,
    height: ((weeks[at + 1]?.top ?? layout.height) - top) / layout.height,
    share: images / most,
  }))
}

/** Return the position of an image in pixels. */
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

/** Return the indexes of the images between two heights: first inclusive, last exclusive. */
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

/** Split all images into chunks: group small days, divide large ones. */
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

/** Return the index of the image to which a key moves the focus. */
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
