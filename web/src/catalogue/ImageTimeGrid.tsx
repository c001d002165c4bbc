/**
 * The image grid with a time scrollbar. The layout is computed from the counts per day; only images
 * near the viewport are fetched.
 */
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query"
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import type { Image } from "../api/types"
import { type ImageFilter, imageChunkQuery } from "../images/queries"
import { useProject } from "../projects/projectContext"
import { formatDayOrMonth, getDay } from "../ui/time"
import { DayHeading } from "./DayHeading"
import { buildGridKeys, focusTile, getProportion, useGridWidth } from "./gridTiles"
import { ImageTile } from "./ImageTile"
import { imagesBeforeQuery } from "./queries"
import { type GridPosition, getSavedPosition } from "./savedPosition"
import { TimeScrollbar } from "./TimeScrollbar"
import {
  buildLayout,
  buildSections,
  type Chunk,
  type Day,
  findFloatingDay,
  findIndexAt,
  getColumns,
  getPosition,
  getRange,
  HEAD_HEIGHT,
  type Layout,
  splitChunks,
} from "./timeLayout"
import { useLongPress } from "./useLongPress"
import { useTimeScroll } from "./useTimeScroll"

interface ImageTimeGridProps {
  filter: ImageFilter
  counts: { day: string; images: number }[]
  least?: number
  chosen: Pick<ReadonlySet<string>, "size" | "has">
  /** Selects images by index; `onLoaded` reports the loaded ones. */
  onChoose: (index: number, range: boolean) => void
  onLoaded: (images: ReadonlyMap<number, Image>) => void
}

const OVERSCAN = 400
/**
 * Images are fetched after scrolling has paused for this long, so that fast scrolling does not
 * fetch all it passes.
 */
const SETTLE_MS = 90

export function ImageTimeGrid({
  filter,
  counts,
  least,
  chosen,
  onChoose,
  onLoaded,
}: ImageTimeGridProps) {
  const project = useProject()
  const grid = useRef<HTMLDivElement>(null)
  const width = useGridWidth(grid)
  const [proportion, setProportion] = useState(lastProportion)
  const goal = useRef<GridPosition | null>(getSavedPosition())
  const wish = useRef<number | null>(null)
  const layout = useMemo(
    () =>
      buildLayout(
        buildSections(counts, getColumns(Math.max(width, 1))),
        Math.max(width, 1),
        proportion,
      ),
    [counts, width, proportion],
  )
  const chunks = useMemo(() => splitChunks(layout.days), [layout])
  const { top, view, height, shift, jump } = useTimeScroll(grid, layout.height)

  const [first, behind] = getRange(layout, top - OVERSCAN, top + view + OVERSCAN)
  const wanted = useSettled(listChunks(chunks, first, behind), SETTLE_MS)
  const answers = useQueries({
    queries: wanted.map((chunk) => ({
      ...imageChunkQuery(project.id, filter, chunk),
      placeholderData: keepPreviousData,
    })),
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the array of queries is new in each render, its results are not
  const images = useMemo(() => {
    const found = new Map<number, Image>()
    for (const [at, chunk] of wanted.entries())
      place(found, layout.days, chunk, answers[at]?.data?.results ?? [])
    return found
  }, [wanted, layout, ...answers.map((one) => one.data)])
  useEffect(() => onLoaded(images), [images, onLoaded])
  // With very many images the counts per day can be too high: do not wait for more images of a
  // chunk whose response was empty.
  const answered = wanted.filter(
    (_, at) => answers[at]?.isSuccess && !answers[at].isPlaceholderData,
  )
  useEffect(() => {
    setProportion((old) => {
      const wanted = getProportion(images)
      lastProportion = wanted === null || Math.abs(old - wanted) <= 0.02 ? old : wanted
      return lastProportion
    })
  }, [images])

  const focusImage = useCallback(
    (index: number) => {
      wish.current = index
      const here = getPosition(layout, index)
      if (here && (here.top < top + HEAD_HEIGHT || here.top + layout.rowHeight > top + view))
        jump(here.top - (view - layout.rowHeight) / 2)
      else focusTile(grid.current, wish)
    },
    [layout, top, view, jump],
  )
  useEffect(() => focusTile(grid.current, wish))
  const returned = useReturnIndex(filter, goal, layout, images, answered.length === wanted.length)
  // Scroll to the image that was open in the viewer, to the place of the tile that opened it: first
  // to its expected position, then, if the layout changes, to its exact one.
  const jumped = useRef<{ layout: Layout; index: number } | null>(null)
  useEffect(() => {
    const at = goal.current
    if (!at || width === 0 || layout.images === 0) return
    const found = findIndexOf(images, at.id)
    const day = findSection(layout, at.day)
    const index = found ?? returned ?? at.index ?? day?.first ?? 0
    const expected = getPosition(layout, index)
    if (expected && (jumped.current?.layout !== layout || jumped.current.index !== index)) {
      jumped.current = { layout, index }
      const offset =
        at.y === undefined ? (view - layout.rowHeight) / 2 : at.y - (window.innerHeight - view)
      jump(expected.top - offset)
    }
    if (found === undefined) return
    wish.current = found
    focusTile(grid.current, wish)
    if (Math.abs(proportion - (getProportion(images) ?? proportion)) <= 0.02) goal.current = null
  }, [images, layout, width, proportion, view, jump, returned])
  const longPress = useLongPress((index) => onChoose(index, false))
  const giveUp = () => {
    goal.current = null
  }

  const onKey = buildGridKeys(layout, onChoose, focusImage)

  // The marker reaches the end of the scrollbar when the window reaches the end of the page.
  const stretch = layout.height / Math.max(layout.height - view, 1)
  const days = layout.days.slice(
    findIndexAt(layout.days, top - OVERSCAN, (one) => one.top),
    findIndexAt(layout.days, top + view + OVERSCAN, (one) => one.top) + 1,
  )
  const floating = findFloatingDay(layout, top)
  const tiles: number[] = []
  for (let index = first; index < behind; index += 1) tiles.push(index)
  return (
    <div
      className="time-grid"
      style={{ "--head": `${window.innerHeight - view}px` } as React.CSSProperties}
    >
      {/** biome-ignore lint/a11y/noStaticElementInteractions: events of the elements inside are handled here */}
      <div
        onWheel={giveUp}
        onPointerDown={giveUp}
        {...longPress}
        ref={grid}
        className={chosen.size > 0 ? "grid selecting" : "grid"}
        style={{ height }}
        onKeyDown={onKey}
        data-testid="grid"
      >
        {floating && (
          <div className="time-now" data-testid="time-now">
            <span>{formatDayOrMonth(floating.key)}</span>
          </div>
        )}
        {width > 0 &&
          days.map((one) => (
            <DayHeading key={one.key} day={one} filter={filter} top={one.top - shift} />
          ))}
        {width > 0 &&
          tiles.map((index) => {
            const image = images.get(index)
            const here = getPosition(layout, index)
            if (
              !here ||
              (!image &&
                answered.some((one) => index >= one.first && index < one.first + one.images))
            )
              return null
            const at = { left: here.left, top: here.top - shift, width: layout.tileWidth }
            if (!image)
              return (
                <div
                  key={index}
                  className="tile skeleton"
                  style={{ ...at, height: layout.pictureHeight }}
                  data-waiting={index}
                />
              )
            return (
              <ImageTile
                key={image.id}
                image={image}
                index={index}
                least={least}
                chosen={chosen.has(image.id)}
                onChoose={onChoose}
                withDay={layout.days[0]?.key.length === 7}
                place={{ ...at, height: layout.pictureHeight }}
              />
            )
          })}
      </div>
      {layout.height > 2 * view && (
        <TimeScrollbar
          layout={layout}
          at={Math.max(top, 0) * stretch}
          onJump={(at) => jump(at / stretch)}
        />
      )}
    </div>
  )
}

/**
 * The aspect ratio of the last images. The grid uses it first when the user returns, so that the
 * layout is the same as before.
 */
let lastProportion = 4 / 3

const findIndexOf = (images: ReadonlyMap<number, Image>, id: string) =>
  [...images].find(([, image]) => image.id === id)?.[0]

const findSection = (layout: Layout, day: string) =>
  layout.days.find(({ from, to }) => from <= day && day <= to)

/**
 * Return the index of the image to which the grid returns, if it is not where it was expected: the
 * viewer was opened from elsewhere, or images arrived in the meantime. Null until it is known.
 */
function useReturnIndex(
  filter: ImageFilter,
  goal: { current: GridPosition | null },
  layout: Layout,
  images: ReadonlyMap<number, Image>,
  isComplete: boolean,
): number | null {
  const project = useProject()
  const at = goal.current
  const section = at && findSection(layout, at.day)
  const isMissing = Boolean(at && section && isComplete && findIndexOf(images, at.id) === undefined)
  const { data } = useQuery({
    ...imagesBeforeQuery(project.id, filter, section ?? null, at?.takenAt ?? ""),
    enabled: isMissing && Boolean(at?.takenAt),
  })
  return section && data !== undefined ? section.first + Math.min(data, section.images - 1) : null
}

function listChunks(chunks: Chunk[], first: number, behind: number): Chunk[] {
  if (behind <= first) return []
  return chunks.slice(
    findIndexAt(chunks, first, (one) => one.first),
    findIndexAt(chunks, behind - 1, (one) => one.first) + 1,
  )
}

/** Assign the images of a chunk to the positions of their days. */
function place(found: Map<number, Image>, days: Day[], chunk: Chunk, images: Image[]): void {
  let at = findIndexAt(days, chunk.first, (one) => one.first)
  const length = days[at]?.key.length
  const byDay = new Map<string, Image[]>()
  for (const image of images) {
    const day = getDay(image.captured_at, image.time_zone).slice(0, length)
    const same = byDay.get(day)
    if (same) same.push(image)
    else byDay.set(day, [image])
  }
  for (; at < days.length; at += 1) {
    const one = days[at]
    if (!one || one.first >= chunk.first + chunk.images) return
    const begin = one.first < chunk.first ? chunk.skip : 0
    const images = byDay.get(one.key)?.slice(0, one.images - begin) ?? []
    for (const [offset, image] of images.entries()) found.set(one.first + begin + offset, image)
  }
}

/** Return the visible chunks once they have not changed for `restMs`. */
function useSettled(chunks: Chunk[], restMs: number): Chunk[] {
  const [rested, setRested] = useState(chunks)
  const key = chunks.map((one) => `${one.first} ${one.images} ${one.from}`).join()
  const newest = useRef(chunks)
  newest.current = chunks
  const settled = useRef("")
  useEffect(() => {
    const settle = () => {
      settled.current = key
      setRested(newest.current)
    }
    if (settled.current === "") {
      settle()
      return
    }
    const timer = setTimeout(settle, restMs)
    return () => clearTimeout(timer)
  }, [key, restMs])
  return rested
}
