/** Width, keys, focus and aspect ratio of the grids of images. */
import { type KeyboardEvent, type RefObject, useLayoutEffect, useState } from "react"
import type { Image } from "../api/types"
import { getAdjacentIndex, type Layout } from "./timeLayout"

const MAX_PROPORTION = 1.9

/** Return the width of the grid in pixels; 0 before it is known. */
export function useGridWidth(grid: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    const element = grid.current
    if (!element) return
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    setWidth(element.clientWidth)
    return () => observer.disconnect()
  }, [grid])
  return width
}

/** Build the handler of the keys of a tile: `x` selects, arrows move the focus. */
export function buildGridKeys(
  layout: Layout,
  onChoose: (index: number, range: boolean) => void,
  focusImage: (index: number) => void,
) {
  return (event: KeyboardEvent) => {
    const index = Number(
      (event.target as HTMLElement).closest<HTMLElement>("[data-index]")?.dataset.index ?? -1,
    )
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key.toLowerCase() === "x") {
      event.preventDefault()
      onChoose(index, event.shiftKey)
      return
    }
    const target = getAdjacentIndex(layout, index, event.key)
    if (target === null) return
    event.preventDefault()
    focusImage(target)
  }
}

/** Return the median aspect ratio of the first images, within limits; null without an image. */
export function getProportion(images: ReadonlyMap<number, Image>): number | null {
  const some = [...images.values()]
    .slice(0, 50)
    .map((image) => image.width / image.height)
    .sort((a, b) => a - b)
  const median = some[some.length >> 1]
  return median ? Math.min(Math.max(median, 1), MAX_PROPORTION) : null
}

/** Focus the tile with the index that is wished, if it is there. */
export function focusTile(grid: HTMLElement | null, wish: { current: number | null }) {
  if (wish.current === null) return
  const tile = grid?.querySelector<HTMLElement>(`[data-index="${wish.current}"]`)
  if (!tile) return
  tile.focus({ preventScroll: true })
  wish.current = null
}
