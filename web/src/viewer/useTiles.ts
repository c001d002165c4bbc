/** The tiles of a large image: the visible ones, and some that were shown before. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import { fileUrl } from "../api/fileUrls"
import type { Image as StoredImage } from "../api/types"
import type { Size } from "../findings/size"
import { listVisibleTiles, type Tile } from "./tileGeometry"
import type { View } from "./viewGeometry"

/**
 * Loaded tiles that stay in the document, so that a change of the level has no gaps. A tile takes
 * 1 MiB of memory.
 */
const MOST_KEPT = 48

const NO_TILES: Tile[] = []

export interface ShownTiles {
  /** Those with fewer pixels first, so that others cover them. */
  tiles: Tile[]
  getUrl: (tile: Tile) => string
  /** Counts the retries, each of which requests all tiles again. */
  attempt: number
  /** Whether all visible tiles are loaded. */
  isSharp: boolean
  isLoading: boolean
  hasFailed: boolean
  onLoad: (tile: Tile) => void
  onError: (tile: Tile) => void
  retry: () => void
}

interface TileOutcomes {
  url: string
  attempt: number
  /** The last one loaded is the last. */
  loaded: Tile[]
  failed: ReadonlySet<string>
}

function startAttempt(url: string, attempt = 0): TileOutcomes {
  return { url, attempt, loaded: NO_TILES, failed: new Set() }
}

/** Return the tiles to show; without `isWanted` there are none. */
export function useTiles(
  image: StoredImage,
  isWanted: boolean,
  view: View,
  canvas: Size,
  onFail: (url: string) => void,
): ShownTiles {
  const description = isWanted ? image.tiles : null
  const url = description?.url ?? ""
  const [stored, setOutcomes] = useState(() => startAttempt(url))
  // A new URL is that of another image, or replaces an expired one.
  const outcomes = stored.url === url ? stored : startAttempt(url)
  const update = useCallback(
    (next: (old: TileOutcomes) => TileOutcomes) =>
      setOutcomes((old) => next(old.url === url ? old : startAttempt(url))),
    [url],
  )
  const density = window.devicePixelRatio || 1
  const { width, height } = image
  const visible = useMemo(
    () =>
      description && canvas.width > 0
        ? listVisibleTiles({ width, height }, description, view, canvas, density)
        : NO_TILES,
    [description, width, height, view, canvas, density],
  )
  const names = useMemo(() => new Set(visible.map((tile) => tile.name)), [visible])
  const now = useRef(names)
  now.current = names
  const { attempt, failed } = outcomes
  const tiles = useMemo(() => {
    const kept = outcomes.loaded.filter((tile) => !names.has(tile.name))
    // A browser draws a frame and an icon for an image that failed.
    return [...kept, ...visible.filter((tile) => !failed.has(tile.name))].sort(
      (one, other) => other.level - one.level,
    )
  }, [visible, names, outcomes.loaded, failed])
  const hasFailed = visible.some((tile) => failed.has(tile.name))
  useEffect(() => {
    if (hasFailed) onFail(url)
  }, [hasFailed, onFail, url])
  const loaded = useMemo(() => new Set(outcomes.loaded.map((tile) => tile.name)), [outcomes.loaded])
  const isSharp = visible.length > 0 && visible.every((tile) => loaded.has(tile.name))
  return {
    tiles,
    getUrl: (tile) => `${fileUrl(url)}&tile=${tile.name}`,
    attempt,
    isSharp,
    isLoading: visible.length > 0 && !isSharp && !hasFailed,
    hasFailed,
    onLoad: useCallback(
      (tile) =>
        update((old) => {
          const others = old.loaded.filter((one) => one.name !== tile.name)
          const seen = others.filter((one) => now.current.has(one.name))
          const before = others.filter((one) => !now.current.has(one.name))
          return { ...old, loaded: [...before.slice(-MOST_KEPT), ...seen, tile] }
        }),
      [update],
    ),
    onError: useCallback(
      (tile) => update((old) => ({ ...old, failed: new Set(old.failed).add(tile.name) })),
      [update],
    ),
    retry: useCallback(() => update((old) => startAttempt(url, old.attempt + 1)), [update, url]),
  }
}
