/** The grid of images: only what is on the screen is in the document, pages are fetched as one comes near them. */
import { useWindowVirtualizer } from "@tanstack/react-virtual"
import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import { Link } from "wouter"
import type { Image } from "../api/types"
import { paths } from "../paths"
import { clock, day, exact } from "../ui/time"
import { words } from "../words/en"
import { GAP, rowsOf, WORDS_HEIGHT } from "./layout"
import { ClassWords, Thumbnail } from "./Thumbnail"

interface ImageGridProps {
  images: Image[]
  more: boolean
  onNearEnd: () => void
  least?: number
  chosen: ReadonlySet<string>
  onChoose: (index: number, range: boolean) => void
}

const rowHeightFor = (width: number) => (width < 500 ? 132 : width < 1000 ? 172 : 208)

export function ImageGrid({ images, more, onNearEnd, least, chosen, onChoose }: ImageGridProps) {
  const grid = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [top, setTop] = useState(0)
  const focus = useRef<number | null>(null)
  useLayoutEffect(() => {
    const element = grid.current
    if (!element) return
    const measure = () => {
      setWidth(element.clientWidth)
      setTop(element.getBoundingClientRect().top + window.scrollY)
    }
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    measure()
    return () => observer.disconnect()
  }, [])

  const rows = useMemo(
    () => (width ? rowsOf(images.map((image) => image.width / image.height), width, rowHeightFor(width)) : []),
    [images, width],
  )
  const list = useWindowVirtualizer({
    count: rows.length + (more ? 2 : 0),
    estimateSize: (row) => (rows[row]?.height ?? rowHeightFor(width)) + WORDS_HEIGHT + GAP,
    overscan: 3,
    scrollMargin: top,
  })
  useEffect(() => {
    list.measure()
  }, [rows, list])
  const shown = list.getVirtualItems()
  const lastShown = shown.at(-1)?.index ?? 0
  useEffect(() => {
    if (more && width > 0 && lastShown >= rows.length - 4) onNearEnd()
  }, [more, width, lastShown, rows.length, onNearEnd])

  const focusImage = (index: number) => {
    const row = rows.findIndex((one) => index >= one.first && index < one.first + one.widths.length)
    if (row < 0) return
    focus.current = index
    const tile = grid.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)
    if (tile) {
      tile.focus({ preventScroll: true })
      tile.scrollIntoView({ block: "nearest" })
      focus.current = null
    } else list.scrollToIndex(row, { align: "center" })
  }
  useEffect(() => {
    if (focus.current === null) return
    const tile = grid.current?.querySelector<HTMLElement>(`[data-index="${focus.current}"]`)
    if (tile) {
      tile.focus({ preventScroll: true })
      focus.current = null
    }
  })

  const onKey = (event: KeyboardEvent) => {
    const index = Number((event.target as HTMLElement).closest<HTMLElement>("[data-index]")?.dataset.index ?? -1)
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return
    const row = rows.findIndex((one) => index >= one.first && index < one.first + one.widths.length)
    const across = index - (rows[row]?.first ?? 0)
    const inRow = (other: number) => {
      const target = rows[other]
      return target ? target.first + Math.min(across, target.widths.length - 1) : index
    }
    const to: Record<string, number> = {
      ArrowLeft: index - 1, ArrowRight: index + 1, ArrowUp: inRow(row - 1), ArrowDown: inRow(row + 1),
      Home: 0, End: images.length - 1,
    }
    const target = to[event.key]
    if (target !== undefined) {
      event.preventDefault()
      focusImage(Math.min(Math.max(target, 0), images.length - 1))
    } else if (event.key === "x") {
      event.preventDefault()
      onChoose(index, event.shiftKey)
    }
  }

  return (
    <div
      ref={grid} className={chosen.size > 0 ? "grid choosing" : "grid"} style={{ height: list.getTotalSize() }}
      onKeyDown={onKey} data-testid="grid"
    >
      {shown.map((item) => {
        const row = rows[item.index]
        const y = item.start - list.options.scrollMargin
        if (!row) {
          return <div key={item.key} className="tile skeleton" style={{ top: y, left: 0, right: 0, height: item.size - GAP - WORDS_HEIGHT }} />
        }
        let x = 0
        return row.widths.map((tileWidth, offset) => {
          const index = row.first + offset
          const image = images[index]
          const left = x
          x += tileWidth + GAP
          if (!image) return null
          return (
            <Tile
              key={image.id} image={image} index={index} least={least} chosen={chosen.has(image.id)} onChoose={onChoose}
              place={{ left, top: y, width: tileWidth, height: row.height }}
            />
          )
        })
      })}
    </div>
  )
}

interface TileProps {
  image: Image
  index: number
  least?: number
  chosen: boolean
  onChoose: (index: number, range: boolean) => void
  place: { left: number; top: number; width: number; height: number }
}

function Tile({ image, index, least, chosen, onChoose, place }: TileProps) {
  const here = window.location.pathname + window.location.search
  return (
    <Link
      href={paths.image(image.project_id, image.id)} state={{ images: here }} data-index={index} data-image-id={image.id}
      className={chosen ? "tile tile-chosen" : "tile"} style={{ left: place.left, top: place.top, width: place.width }}
      aria-label={`${image.filename}, ${image.deployment_name}, ${exact(image.captured_at, image.time_zone)}, ${image.classes.join(", ")}`}
    >
      <div className="tile-picture" style={{ height: place.height }}>
        <Thumbnail image={image} least={least} eager />
        <span className="tile-check" onClick={(event) => event.stopPropagation()}>
          <input
            type="checkbox" checked={chosen} tabIndex={-1} aria-label={words.image.select(image.filename)}
            onClick={(event) => {
              event.stopPropagation()
              onChoose(index, event.shiftKey)
            }}
            onChange={() => undefined}
          />
        </span>
      </div>
      <div className="tile-words">
        <ClassWords image={image} least={least} />
        <time className="tile-time" dateTime={image.captured_at} title={`${exact(image.captured_at, image.time_zone)}; ${image.deployment_name}`}>
          {place.width > 150 ? `${day(image.captured_at, image.time_zone)}, ` : ""}{clock(image.captured_at, image.time_zone)}
        </time>
      </div>
    </Link>
  )
}
