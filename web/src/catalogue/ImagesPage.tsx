/** The images of a project: filters in the URL, the grid, uploads by drag and drop, selection. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query"
import { CheckCheck, Package, Upload } from "lucide-react"
import {
  type DragEvent,
  lazy,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react"
import { Link } from "wouter"
import { useChangeEvents } from "../api/changeStream"
import type { Image } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { showProblem } from "../errors/showProblem"
import { formatImages, imageTexts, markTexts } from "../images/en"
import { isOrderOfTime } from "../images/orders"
import { type ImageFilter, imageDaysQuery, NO_FILTER, parseFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canManage, canReview, useProject } from "../projects/projectContext"
import { LazyRunDialog } from "../queue/LazyRunDialog"
import { reviewScreenTexts } from "../review/en"
import { Button, IconButton, LinkButton } from "../ui/Button"
import { formatCount, formatEstimate } from "../ui/en"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { useShortcuts } from "../ui/shortcuts"
import { showToast } from "../ui/Toasts"
import { useUrlQuery } from "../ui/urlQuery"
import { buildEmptySelection, type FileSelection, readDroppedFiles } from "../uploads/droppedFiles"
import { UploadDialog } from "../uploads/UploadDialog"
import { gridTexts, selectionTexts } from "./en"
import { FilterBar } from "./FilterBar"
import { isFiltered } from "./filterFields"
import { ImageTimeGrid } from "./ImageTimeGrid"
import { OrderSelect } from "./OrderSelect"
import { savedViewsQuery } from "./queries"
import { fetchRange, formatConditions, listLoadedRange } from "./selectionRange"
import { useBulkIdentify } from "./useBulkIdentify"
import { SavedViewLinks, SaveViewButton } from "./ViewLinks"

const SelectionBar = lazy(() => import("./SelectionBar").then((m) => ({ default: m.SelectionBar })))
const BulkProgress = lazy(() => import("./SelectionBar").then((m) => ({ default: m.BulkProgress })))
const ImageOrderedGrid = lazy(() =>
  import("./ImageOrderedGrid").then((m) => ({ default: m.ImageOrderedGrid })),
)
// Its library loads after the first content.
const MoreActions = lazy(() => import("./MoreActions").then((m) => ({ default: m.MoreActions })))
/** The selection of all images of the filter. */
const WHOLE = { size: 1, has: () => true }
const FILTERS = Object.keys(NO_FILTER) as (keyof ImageFilter)[]

export function ImagesPage() {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useUrlQuery()
  const filter = useMemo(() => parseFilter(search), [search])
  const { data, error, refetch, isPlaceholderData } = useQuery({
    ...imageDaysQuery(project.id, filter),
    placeholderData: keepPreviousData,
  })
  // After the first content, which it must not delay.
  const { data: saved } = useQuery({ ...savedViewsQuery(project.id), enabled: Boolean(data) })
  const views = saved?.results ?? []
  const loaded = useRef<ReadonlyMap<number, Image>>(new Map())
  const keepLoaded = useCallback((images: ReadonlyMap<number, Image>) => {
    loaded.current = images
  }, [])
  const [files, setFiles] = useState<FileSelection | null>(null)
  const [running, setRunning] = useState(false)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  /** The filter of which all images are selected. */
  const [whole, setWhole] = useState<string | null>(null)
  const conditions = formatConditions(filter)
  const isWhole = whole === conditions
  const bulk = useBulkIdentify(project.id)
  const [newer, setNewer] = useState(false)
  const t = imageTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])

  const refresh = useCallback(() => {
    setNewer(false)
    return client.invalidateQueries({ queryKey: ["image", project.id, "list"] })
  }, [client, project.id])
  useChangeEvents(
    useCallback(
      (kind: string) => {
        // The images stay where they are; only their names change.
        if (kind === "identification") void refresh()
        if (kind !== "image" && kind !== "job") return
        if (window.scrollY < 200) void refresh()
        else if (kind === "image") setNewer(true)
      },
      [refresh],
    ),
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: deleted and other images have separate selections
  useEffect(() => setChosen(new Set()), [filter.deleted])
  // The selection of a filter ends with it.
  useEffect(() => setWhole((old) => (old === conditions ? old : null)), [conditions])
  /** The image that was selected last: the start of a range. */
  const lastChosen = useRef<Image | null>(null)
  const unselect = useCallback(() => {
    setChosen(new Set())
    setWhole(null)
    lastChosen.current = null
  }, [])
  const add = useCallback(
    (ids: readonly string[]) => setChosen((old) => new Set([...old, ...ids])),
    [],
  )
  const choose = useCallback(
    (index: number, range: boolean) => {
      const image = loaded.current.get(index)
      if (!image) return
      const start = range ? lastChosen.current : null
      lastChosen.current = image
      setWhole(null)
      if (!start)
        return setChosen((old) => {
          const next = new Set(old)
          if (!next.delete(image.id)) next.add(image.id)
          return next
        })
      const between = listLoadedRange(loaded.current, start.id, index)
      if (between) return add(between)
      const found = fetchRange(project.id, filter, start, image)
      void found.then((ids) => {
        if (ids) add(ids)
        else showToast(selectionTexts.noRange, true)
      }, showProblem)
    },
    [add, filter, project.id],
  )
  useShortcuts({
    r: () => chosen.size === 0 && !isWhole && canManage(project) && setRunning(true),
    z: bulk.undo,
    Z: bulk.redo,
    // Also cancels a dialog that is still loading: it must not open after the user pressed Escape.
    Escape: () => {
      unselect()
      setRunning(false)
    },
    ArrowDown: () => {
      if (!document.activeElement?.closest(".grid"))
        document.querySelector<HTMLElement>(".tile[data-index]")?.focus()
    },
  })

  /** Select all images of the filter, after these changes of it. */
  const selectWhole = (changes: Partial<ImageFilter>) => {
    setSearch((next) => {
      for (const [key, value] of Object.entries(changes))
        if (value) next.set(key, value)
        else next.delete(key)
    })
    setChosen(new Set())
    setWhole(formatConditions({ ...filter, ...changes }))
  }
  const clear = () =>
    setSearch((next) => {
      for (const key of FILTERS) if (key !== "order") next.delete(key)
    })
  const change = (changes: Partial<ImageFilter>) =>
    setSearch(
      (next) => {
        for (const [key, value] of Object.entries(changes))
          if (value) next.set(key, value)
          else next.delete(key)
      },
      { replace: true },
    )
  const filtered = isFiltered(filter)
  const others = isFiltered(filter, ["deleted"])
  const manage = canManage(project)
  const count = data && formatEstimate(formatCount(data.images), data.is_estimate)
  const shown = {
    filter,
    chosen: isWhole ? WHOLE : chosen,
    onChoose: choose,
    onLoaded: keepLoaded,
    least: filter.confidence ? Number(filter.confidence) / 100 : undefined,
  }
  const isPart = data && filtered && !filter.deleted && data.images < project.images
  return (
    <DropTarget on={manage} onFiles={setFiles}>
      <div className="images-head">
        <div className="page-head">
          <h1>{t.title}</h1>
          {data && count && (
            <span className="count">
              {isPart ? (
                <>
                  <span className="hide-phone">
                    {gridTexts.countOf(count, formatImages(project.images))}
                  </span>
                  <span className="only-phone">{formatImages(data.images)}</span>
                </>
              ) : (
                formatEstimate(formatImages(data.images), data.is_estimate)
              )}
            </span>
          )}
          <SavedViewLinks views={views} filter={filter} />
          <div className="actions">
            {manage && (
              <IconButton
                label={t.upload}
                className="hide-phone"
                onClick={() => setFiles(buildEmptySelection())}
              >
                <Upload size={18} aria-hidden />
              </IconButton>
            )}
            {manage && !filter.deleted && (
              <Link
                href={withSearch(paths.newExport(project.id), { ...filter, order: null })}
                className="icon-button hide-phone"
                aria-label={t.export}
                title={t.export}
              >
                <Package size={18} aria-hidden />
              </Link>
            )}
            <Suspense fallback={<span data-coming className="icon-button" />}>
              <MoreActions
                filter={filter}
                onRun={manage ? () => setRunning(true) : undefined}
                onUpload={manage ? () => setFiles(buildEmptySelection()) : undefined}
              />
            </Suspense>
            {canReview(project) && !filter.deleted && data && count && data.images > 0 && (
              <LinkButton
                kind="accent"
                icon={<CheckCheck size={16} aria-hidden />}
                href={withSearch(paths.review(project.id), { ...filter })}
              >
                {reviewScreenTexts.review(count)}
              </LinkButton>
            )}
          </div>
        </div>
        <FilterBar filter={filter} onChange={change} onClear={clear}>
          <SaveViewButton views={views} filter={filter} />
          <OrderSelect order={filter.order} onChange={(order) => change({ order })} />
        </FilterBar>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={200} />}
      {data &&
        data.images === 0 &&
        (filter.deleted && !others ? (
          <EmptyState title={markTexts.noneDeletedTitle} text={markTexts.noneDeleted} />
        ) : filtered ? (
          <EmptyState title={t.noMatchTitle} text={t.noMatch}>
            <Button onClick={clear}>{t.clear}</Button>
          </EmptyState>
        ) : (
          <EmptyState title={t.noneTitle} text={t.none}>
            {manage && (
              <Button
                kind="accent"
                icon={<Upload size={15} aria-hidden />}
                onClick={() => setFiles(buildEmptySelection())}
              >
                {t.upload}
              </Button>
            )}
          </EmptyState>
        ))}
      {data && data.images > 0 && (
        <Suspense fallback={<SkeletonRows rows={4} height={200} />}>
          {isOrderOfTime(filter.order) ? (
            <ImageTimeGrid {...shown} counts={data.results} />
          ) : (
            // Another filter is another list.
            <ImageOrderedGrid {...shown} key={JSON.stringify(filter)} total={data} />
          )}
        </Suspense>
      )}
      {newer && (
        <Button
          className="new-images"
          kind="accent"
          onClick={() => {
            window.scrollTo(0, 0)
            void refresh()
          }}
        >
          {t.newer}
        </Button>
      )}
      <Suspense fallback={null}>
        {(isWhole ? !isPlaceholderData : chosen.size > 0) && data && (
          <SelectionBar
            images={[...chosen]}
            isWhole={isWhole}
            filter={filter}
            total={data}
            last={lastChosen.current ?? undefined}
            bulk={bulk}
            onAdd={add}
            onWhole={selectWhole}
            onRun={() => setRunning(true)}
            onDone={unselect}
          />
        )}
        {(bulk.running || bulk.prepared) && <BulkProgress bulk={bulk} onDone={unselect} />}
      </Suspense>
      {files && <UploadDialog initial={files} onClose={() => setFiles(null)} />}
      <LazyRunDialog
        open={running}
        images={[...chosen]}
        filter={filter}
        onClose={() => setRunning(false)}
      />
    </DropTarget>
  )
}

function DropTarget({
  on,
  onFiles,
  children,
}: {
  on: boolean
  onFiles: (files: FileSelection) => void
  children: React.ReactNode
}) {
  const [over, setOver] = useState(false)
  const carries = (event: DragEvent) => on && event.dataTransfer.types.includes("Files")
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the button does the same
    <div
      onDragEnter={(event) => carries(event) && setOver(true)}
      onDragOver={(event) => carries(event) && event.preventDefault()}
      onDrop={(event) => {
        if (!carries(event)) return
        event.preventDefault()
        setOver(false)
        void readDroppedFiles(event.dataTransfer).then(onFiles)
      }}
      style={{ minHeight: "70dvh" }}
      data-testid="drop-target"
    >
      {children}
      {over && (
        // biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the button does the same
        <div className="drop-overlay" onDragLeave={() => setOver(false)}>
          {imageTexts.dropHere}
        </div>
      )}
    </div>
  )
}
