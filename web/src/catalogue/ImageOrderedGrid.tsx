/**
 * The image grid in an order that is not that of time. Its pages are fetched one after the other as
 * the user scrolls: there are no days, and the place of an image is known only after it is loaded.
 */
import { useInfiniteQuery } from "@tanstack/react-query"
import { useCallback, useEffect, useMemo, useRef } from "react"
import type { Image } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatImages } from "../images/en"
import { parseOrder } from "../images/orders"
import type { ImageFilter } from "../images/queries"
import { useProject } from "../projects/projectContext"
import { reviewScreenTexts } from "../review/en"
import { formatEstimate } from "../ui/en"
import { buildGridKeys, focusTile, getProportion, useGridWidth } from "./gridTiles"
import { ImageTile } from "./ImageTile"
import { orderedImagesQuery } from "./queries"
import { getSavedPosition } from "./savedPosition"
import { buildLayout, getPosition, getRange, HEAD_HEIGHT } from "./timeLayout"
import { useLongPress } from "./useLongPress"
import { useTimeScroll } from "./useTimeScroll"

interface ImageOrderedGridProps {
  filter: ImageFilter
  total: { images: number; is_estimate?: boolean }
  least?: number
  chosen: Pick<ReadonlySet<string>, "size" | "has">
  onChoose: (index: number, range: boolean) => void
  onLoaded: (images: ReadonlyMap<number, Image>) => void
}

const OVERSCAN = 600
/** Number of tiles without an image behind the loaded ones while more follow. */
const WAITING = 24
const DEFAULT_PROPORTION = 4 / 3

export function ImageOrderedGrid(props: ImageOrderedGridProps) {
  const { filter, total, least, chosen, onChoose, onLoaded } = props
  const project = useProject()
  const grid = useRef<HTMLDivElement>(null)
  const width = useGridWidth(grid)
  const { data, error, refetch, hasNextPage, isFetching, fetchNextPage } = useInfiniteQuery(
    orderedImagesQuery(project.id, filter),
  )
  const images = useMemo(() => {
    // An image whose place changed between two pages is in both.
    const all = new Map(
      (data?.pages ?? []).flatMap((page) => page.results.map((one) => [one.id, one])),
    )
    return new Map([...all.values()].map((one, at) => [at, one]))
  }, [data])
  useEffect(() => onLoaded(images), [images, onLoaded])
  const waiting = hasNextPage || !data ? WAITING : 0
  const layout = useMemo(
    () =>
      buildLayout(
        [{ key: "", from: "", to: "", images: images.size + waiting }],
        Math.max(width, 1),
        getProportion(images) ?? DEFAULT_PROPORTION,
      ),
    [images, waiting, width],
  )
  const { top, view, height, shift, jump } = useTimeScroll(grid, layout.height)
  const [first, behind] = getRange(layout, top - OVERSCAN, top + view + OVERSCAN)
  const goal = useRef(getSavedPosition())
  /** The index of the tile to focus as soon as it is there. */
  const wish = useRef<number | null>(null)
  const wanted = Math.max(behind, goal.current?.index ?? 0)
  useEffect(() => {
    if (width > 0 && wanted >= images.size && hasNextPage && !isFetching && !error)
      void fetchNextPage()
  }, [width, wanted, images, hasNextPage, isFetching, error, fetchNextPage])
  // Return to the image that was open in the viewer.
  useEffect(() => {
    const at = goal.current
    const found = [...images].find(([, image]) => image.id === at?.id)?.[0]
    const place = found === undefined ? null : getPosition(layout, found)
    if (!at || found === undefined || !place || width === 0) return
    goal.current = null
    wish.current = found
    jump(place.top - (at.y === undefined ? view / 2 : at.y - (window.innerHeight - view)))
  }, [images, layout, width, view, jump])
  useEffect(() => focusTile(grid.current, wish))
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
  const longPress = useLongPress((index) => onChoose(index, false))
  const tiles: number[] = []
  for (let index = first; index < behind; index += 1) tiles.push(index)
  return (
    <>
      {/** biome-ignore lint/a11y/noStaticElementInteractions: events of the elements inside are handled here */}
      <div
        {...longPress}
        ref={grid}
        className={chosen.size > 0 ? "grid selecting" : "grid"}
        style={{ height }}
        onKeyDown={buildGridKeys(layout, onChoose, focusImage)}
        data-testid="grid"
      >
        <div className="time-head" style={{ top: -shift, height: HEAD_HEIGHT }}>
          <h2>
            {reviewScreenTexts.orders[parseOrder(filter.order)]}{" "}
            <span className="count">
              {formatEstimate(formatImages(total.images), total.is_estimate ?? false)}
            </span>
          </h2>
        </div>
        {width > 0 &&
          tiles.map((index) => {
            const image = images.get(index)
            const here = getPosition(layout, index)
            if (!here) return null
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
                withDay
                place={{ ...at, height: layout.pictureHeight }}
              />
            )
          })}
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
    </>
  )
}
