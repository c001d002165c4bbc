/** The images of a project: filters in the URL, the grid, uploads by drag and drop, selection. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query"
import { CheckCheck, Film, Package, Play, Upload } from "lucide-react"
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
import { useChangeEvents } from "../api/changeStream"
import type { Image } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { imageTexts, markTexts } from "../images/en"
import { type ImageFilter, imageDaysQuery, NO_FILTER, parseFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canManage, canReview, useProject } from "../projects/projectContext"
import { LazyRunDialog } from "../queue/LazyRunDialog"
import { reviewScreenTexts } from "../review/en"
import { Button, LinkButton } from "../ui/Button"
import { formatCount, formatEstimate } from "../ui/en"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { useShortcuts } from "../ui/shortcuts"
import { useUrlQuery } from "../ui/urlQuery"
import { buildEmptySelection, type FileSelection, readDroppedFiles } from "../uploads/droppedFiles"
import { UploadDialog } from "../uploads/UploadDialog"
import { sequenceTexts } from "./en"
import { ImageFilters } from "./ImageFilters"
import { ImageTimeGrid } from "./ImageTimeGrid"

const ImageActions = lazy(() =>
  import("../images/ImageActions").then((m) => ({ default: m.ImageActions })),
)
const FILTERS = Object.keys(NO_FILTER) as (keyof ImageFilter)[]

export function ImagesPage() {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useUrlQuery()
  const filter = useMemo(() => parseFilter(search), [search])
  const { data, error, refetch } = useQuery({
    ...imageDaysQuery(project.id, filter),
    placeholderData: keepPreviousData,
  })
  const loaded = useRef<ReadonlyMap<number, Image>>(new Map())
  const keepLoaded = useCallback((images: ReadonlyMap<number, Image>) => {
    loaded.current = images
  }, [])
  const [files, setFiles] = useState<FileSelection | null>(null)
  const [running, setRunning] = useState(false)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
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
  const lastChosen = useRef<number | null>(null)
  const choose = useCallback((index: number, range: boolean) => {
    const from = range && lastChosen.current !== null ? Math.min(lastChosen.current, index) : index
    const to = range && lastChosen.current !== null ? Math.max(lastChosen.current, index) : index
    lastChosen.current = index
    setChosen((old) => {
      const next = new Set(old)
      const ids = [...loaded.current]
        .filter(([at]) => at >= from && at <= to)
        .map(([, image]) => image.id)
      if (!range && ids[0] && next.delete(ids[0])) return next
      for (const id of ids) next.add(id)
      return next
    })
  }, [])
  useShortcuts({
    r: () => canManage(project) && setRunning(true),
    // Also cancels a dialog that is still loading: it must not open after the user pressed Escape.
    Escape: () => {
      setChosen(new Set())
      setRunning(false)
    },
    ArrowDown: () => {
      if (!document.activeElement?.closest(".grid"))
        document.querySelector<HTMLElement>(".tile[data-index]")?.focus()
    },
  })

  const clear = () =>
    setSearch((next) => {
      for (const key of FILTERS) next.delete(key)
    })
  const filtered = FILTERS.some((key) => key !== "order" && filter[key] !== "")
  const others = FILTERS.some((key) => key !== "order" && key !== "deleted" && filter[key] !== "")
  const manage = canManage(project)
  return (
    <DropTarget on={manage} onFiles={setFiles}>
      <div className="images-head">
        <div className="page-head">
          <h1>{t.title}</h1>
          {data && (
            <span className="count">
              {formatEstimate(formatCount(data.images), data.is_estimate)}
            </span>
          )}
          <div className="actions">
            {canReview(project) && !filter.deleted && data && data.images > 0 && (
              <LinkButton
                icon={<CheckCheck size={15} aria-hidden />}
                href={withSearch(paths.review(project.id), { ...filter })}
              >
                {reviewScreenTexts.review(
                  formatEstimate(formatCount(data.images), data.is_estimate),
                )}
              </LinkButton>
            )}
            <LinkButton icon={<Film size={15} aria-hidden />} href={paths.sequences(project.id)}>
              {sequenceTexts.title}
            </LinkButton>
            {manage && (
              <>
                {!filter.deleted && (
                  <LinkButton
                    icon={<Package size={15} aria-hidden />}
                    href={withSearch(paths.newExport(project.id), { ...filter, order: null })}
                    className="hide-phone"
                  >
                    {t.export}
                  </LinkButton>
                )}
                <Button
                  icon={<Play size={15} aria-hidden />}
                  onClick={() => setRunning(true)}
                  className="hide-phone"
                >
                  {t.run}
                </Button>
                <Button
                  kind="accent"
                  icon={<Upload size={15} aria-hidden />}
                  onClick={() => setFiles(buildEmptySelection())}
                >
                  {t.upload}
                </Button>
              </>
            )}
          </div>
        </div>
        <ImageFilters
          filter={filter}
          filtered={filtered}
          onChange={(key, value) =>
            setSearch((next) => (value ? next.set(key, value) : next.delete(key)), {
              replace: true,
            })
          }
          onClear={clear}
        />
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
        <ImageTimeGrid
          filter={filter}
          counts={data.results}
          chosen={chosen}
          onChoose={choose}
          onLoaded={keepLoaded}
          least={filter.confidence ? Number(filter.confidence) / 100 : undefined}
        />
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
      {chosen.size > 0 && (
        <Suspense fallback={null}>
          <ImageActions
            images={[...chosen]}
            deleted={filter.deleted === "true"}
            onRun={() => setRunning(true)}
            onDone={() => setChosen(new Set())}
          />
        </Suspense>
      )}
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
