/** The viewer of one image. Its state is in the URL. */
import { keepPreviousData, type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query"
import {
  ArrowLeft,
  ChevronLeft,
  ChevronRight,
  Columns2,
  Maximize,
  PanelRight,
  Square,
  SquareDashed,
  ZoomIn,
  ZoomOut,
} from "lucide-react"
import { useEffect, useMemo, useRef, useState } from "react"
import { useLocation } from "wouter"
import { fileUrl } from "../api/fileUrls"
import type { Observation } from "../api/types"
import type { GridPosition } from "../catalogue/savedPosition"
import { diffAnalyses } from "../findings/analysisDiff"
import { getClassKey, listFindings } from "../findings/findings"
import { applyObservations, listWholeObservations } from "../findings/observedFindings"
import { imageQuery, observationsQuery } from "../images/queries"
import { paths } from "../paths"
import { AdjustmentSliders, GammaFilter } from "../review/ImageTools"
import { OutboxStatus } from "../review/OutboxStatus"
import { useBufferedKeys } from "../review/useBufferedKeys"
import { useImageTools } from "../review/useImageTools"
import { IconButton } from "../ui/Button"
import { shortenMiddle } from "../ui/names"
import { useShortcuts } from "../ui/shortcuts"
import { getDay, Timestamp } from "../ui/time"
import { useUrlQuery } from "../ui/urlQuery"
import { getDrawnShape, useArtifactFiles } from "./artifactFiles"
import { ShapeIcon } from "./ShapeIcon"
import { SplitView, type SplitViewHandle } from "./SplitView"
import { useAnnotations } from "./useAnnotations"
import { DRAW_KEYS } from "./useBoxEditor"
import { useLook } from "./useLook"
import { useHumanBoxes, useObservations, usePendingNames } from "./useObservations"
import { useViewerBoxes } from "./useViewerBoxes"
import { getDefaultComparison, NO_ANALYSIS, useViewerState } from "./useViewerState"
import { ViewerPanel } from "./ViewerPanel"
import "./viewer.css"
import { brandTexts } from "../brand/en"
import { ErrorMessage } from "../errors/ErrorMessage"
import { outboxTexts } from "../review/outbox/en"
import { drawingTexts, viewerTexts } from "./en"

/** Number of images that are fetched in advance. */
const PREFETCHED = 3
const NOTHING: readonly Observation[] = []

async function prefetchImages(
  client: QueryClient,
  project: number,
  id: string | null,
  list: string | null,
  way: "next_id" | "previous_id",
  count: number,
): Promise<void> {
  try {
    for (let next = id; next && count > 0; count -= 1) {
      const image = await client.fetchQuery(imageQuery(project, next, list))
      void client.prefetchQuery(observationsQuery(project, next))
      if (image.preview_url) new Image().src = fileUrl(image.preview_url)
      next = image[way]
    }
  } catch {
    // It is fetched again when it is opened, and an error is shown then.
  }
}

export function ImagePage({ project, image: id }: { project: number; image: string }) {
  const [, go] = useLocation()
  const [search] = useUrlQuery()
  /** The query string of the grid from which the image was opened. */
  const list = search.get("in")
  const client = useQueryClient()
  const {
    data: loaded,
    error,
    refetch,
    isPlaceholderData,
    fetchStatus,
    dataUpdatedAt,
  } = useQuery({ ...imageQuery(project, id, list), placeholderData: keepPreviousData })
  // Without a network, the previous image is not shown in place of one that cannot be loaded.
  const isHeld = isPlaceholderData && fetchStatus === "paused"
  const image = isHeld ? undefined : loaded
  const canvas = useRef<SplitViewHandle>(null)
  const [hovered, setHovered] = useState<string | null>(null)
  const [chosen, setChosen] = useState<string | null>(null)
  const [scale, setScale] = useState(1)
  const t = viewerTexts

  const { observed, observations, threshold } = useObservations(project, image?.id ?? null)
  const humanBoxes = useHumanBoxes(image, dataUpdatedAt)
  const { sight, change, keep } = useViewerState(image, observations ?? NOTHING, threshold)
  const whole = useAnnotations(project, image, sight.shown)
  const allFindings = useMemo(
    () => (image ? whole.analyses.flatMap((analysis) => listFindings(analysis, image)) : []),
    [image, whole.analyses],
  )
  const pending = usePendingNames(project, image?.id ?? id, observed.dataUpdatedAt)
  const findings = useMemo(
    () =>
      sight.models || !image
        ? allFindings
        : applyObservations([...allFindings, ...humanBoxes], observations ?? [], pending),
    [image, allFindings, humanBoxes, observations, pending, sight.models],
  )
  const wholeObservations = useMemo(
    () => (sight.models ? [] : listWholeObservations(allFindings, observations ?? [])),
    [allFindings, observations, sight.models],
  )
  const visible = useMemo(
    () =>
      findings.filter(
        (finding) =>
          (finding.confidence ?? 1) >= sight.least &&
          !sight.offClasses.has(getClassKey(finding)) &&
          !sight.offTypes.has(finding.type),
      ),
    [findings, sight],
  )
  const { files, retry: retryFiles } = useArtifactFiles(sight.overlays ? visible : [], image)
  const changes = useMemo(() => {
    if (
      !sight.beside ||
      sight.beside.left === NO_ANALYSIS ||
      sight.beside.right === NO_ANALYSIS ||
      sight.beside.left === sight.beside.right
    )
      return null
    const of = (side: string) =>
      visible
        .filter((one) => one.analysis.id === side)
        .map((finding) => ({ finding, shape: getDrawnShape(finding, files) }))
    return diffAnalyses(of(sight.beside.left), of(sight.beside.right))
  }, [sight, visible, files])
  // In the split view, findings in the same place are highlighted on both sides.
  const lit = useMemo(() => {
    const one = hovered ?? (visible.some((finding) => finding.id === chosen) ? chosen : null)
    const pair = changes?.pairs.find(({ left, right }) => left.id === one || right.id === one)
    return new Set(one === null ? [] : pair ? [pair.left.id, pair.right.id] : [one])
  }, [hovered, chosen, visible, changes])
  const choose = (one: string | null) => setChosen((old) => (one === old ? null : one))
  const canEdit = !isPlaceholderData && !sight.models && sight.beside === null && sight.overlays
  const editor = useViewerBoxes(canvas, {
    image: canEdit ? image : undefined,
    observations: observations ?? NOTHING,
    visible,
    files,
    chosen,
    onChoose: setChosen,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image or finding
  useEffect(() => {
    setChosen(null)
    setHovered(null)
  }, [id])

  const beside = () =>
    change.setBeside(sight.beside || !image ? null : getDefaultComparison(image, sight.shown))
  const step = (way: "next_id" | "previous_id") => {
    const to = isHeld ? loaded?.id : image?.[way]
    if (!to) return
    // In the grid, the next image is the next tile.
    const state = history.state as { at?: GridPosition } | null
    const index =
      list === null || state?.at?.index === undefined
        ? undefined
        : state.at.index + (way === "next_id" ? 1 : -1)
    go(keep(paths.image(project, to)), { state: { ...state, at: { ...state?.at, id: to, index } } })
  }
  useBufferedKeys(isPlaceholderData && !isHeld, error !== null, id)
  const back = () => {
    const state = history.state as { images?: string; at?: GridPosition } | null
    const index = image && state?.at?.id === image.id ? state.at.index : undefined
    const at = image
      ? {
          ...state?.at,
          id: image.id,
          day: getDay(image.captured_at, image.time_zone),
          takenAt: image.captured_at,
          index,
        }
      : state?.at
    go(state?.images ?? (list ? `${paths.images(project)}?${list}` : paths.images(project)), {
      state: { at },
    })
  }
  useEffect(() => {
    if (!image || isPlaceholderData) return
    document.title = `${image.filename} · ${brandTexts.product}`
    void prefetchImages(client, project, image.previous_id, list, "previous_id", 1)
    void prefetchImages(client, project, image.next_id, list, "next_id", PREFETCHED)
  }, [image, isPlaceholderData, client, project, list])

  const look = useLook()
  const tools = useImageTools(image?.deployment_id ?? "")
  const previous = () => step("previous_id")
  const next = () => step("next_id")
  const zoom = (factor: number) => canvas.current?.zoom(factor)
  useShortcuts({
    ArrowLeft: previous,
    k: previous,
    K: previous,
    ArrowRight: next,
    j: next,
    J: next,
    "+": () => zoom(1.5),
    "=": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
    "0": () => canvas.current?.showWhole(),
    "1": () => canvas.current?.setScale(1 / (window.devicePixelRatio || 1)),
    "Shift+ArrowLeft": () => canvas.current?.pan(80, 0),
    "Shift+ArrowRight": () => canvas.current?.pan(-80, 0),
    "Shift+ArrowUp": () => canvas.current?.pan(0, 80),
    "Shift+ArrowDown": () => canvas.current?.pan(0, -80),
    a: () => change.flip("boxes"),
    b: tools.flipNight,
    v: tools.flipOpen,
    f: () => canvas.current?.flipZoom(chosen ? [chosen] : visible.map(({ id }) => id)),
    o: () => change.setModels(!sight.models),
    i: () => change.flip("info"),
    c: beside,
    g: look.flipMagnified,
    Tab: (event) => {
      if (editor.cycle(event.shiftKey ? -1 : 1)) event.preventDefault()
    },
    Escape: () => (tools.isOpen ? tools.flipOpen() : chosen === null ? back() : setChosen(null)),
  })

  return (
    <div
      className={sight.panel ? "viewer" : "viewer no-panel"}
      style={tools.style}
      data-testid="viewer"
    >
      <GammaFilter gamma={tools.adjustments.gamma} />
      {tools.isOpen && image && (
        <AdjustmentSliders
          deployment={image.deployment_name}
          adjustments={tools.adjustments}
          onChange={tools.change}
        />
      )}
      <header className="viewer-top">
        <IconButton label={t.back} onClick={back}>
          <ArrowLeft size={18} />
        </IconButton>
        {image && (
          <div className="viewer-title">
            <h1 title={image.filename}>{shortenMiddle(image.filename)}</h1>
            <span>{image.deployment_name}</span>
            <Timestamp at={image.captured_at} zone={image.time_zone} />
          </div>
        )}
        <div className="viewer-tools">
          <OutboxStatus />
          <IconButton label={t.previous} onClick={previous} disabled={!image?.previous_id}>
            <ChevronLeft size={18} />
          </IconButton>
          <IconButton label={t.next} onClick={next} disabled={!image?.next_id}>
            <ChevronRight size={18} />
          </IconButton>
          <IconButton label={t.zoomOut} className="hide-narrow" onClick={() => zoom(1 / 1.5)}>
            <ZoomOut size={18} />
          </IconButton>
          <span className="viewer-zoom hide-narrow" data-testid="zoom">
            {Math.round(scale * (window.devicePixelRatio || 1) * 100)} %
          </span>
          <IconButton label={t.zoomIn} className="hide-narrow" onClick={() => zoom(1.5)}>
            <ZoomIn size={18} />
          </IconButton>
          <IconButton label={t.fit} onClick={() => canvas.current?.showWhole()}>
            <Maximize size={17} />
          </IconButton>
          {editor.isEnabled &&
            editor.shapes.map((kind) => (
              <IconButton
                key={kind}
                label={drawingTexts.drawShape[kind]}
                aria-keyshortcuts={DRAW_KEYS[kind]}
                aria-pressed={editor.draft?.of === null && editor.draft.shape.kind === kind}
                onClick={() => editor.start(kind)}
              >
                <ShapeIcon kind={kind} size={17} />
              </IconButton>
            ))}
          <IconButton
            label={t.boxes}
            aria-pressed={sight.overlays}
            onClick={() => change.flip("boxes")}
          >
            {sight.overlays ? <Square size={17} /> : <SquareDashed size={17} />}
          </IconButton>
          <IconButton
            label={sight.beside ? t.oneAgain : t.compareAnalyses}
            aria-pressed={sight.beside !== null}
            onClick={beside}
            disabled={!image?.analyses.length}
          >
            <Columns2 size={18} />
          </IconButton>
          <IconButton
            label={sight.panel ? t.hideInfo : t.showInfo}
            aria-pressed={sight.panel}
            onClick={() => change.flip("info")}
          >
            <PanelRight size={18} />
          </IconButton>
        </div>
      </header>
      {image ? (
        <SplitView
          key={image.id}
          ref={canvas}
          image={image}
          analyses={image.analyses}
          beside={sight.beside}
          onBeside={change.setBeside}
          findings={sight.overlays ? visible : []}
          observations={sight.overlays ? wholeObservations : []}
          files={files}
          lit={lit}
          onLight={setHovered}
          onChoose={choose}
          opacity={sight.opacity}
          map={sight.map}
          onScale={setScale}
          editor={editor}
          look={look}
        />
      ) : (
        <div className="canvas">
          {isHeld && (
            <p className="canvas-empty" role="status">
              {outboxTexts.notLoaded}
            </p>
          )}
          {error && (
            <div className="canvas-empty" style={{ pointerEvents: "auto" }}>
              <ErrorMessage error={error} retry={() => void refetch()} />
            </div>
          )}
        </div>
      )}
      {image ? (
        <ViewerPanel
          image={image}
          sight={sight}
          change={change}
          whole={whole}
          observed={observed}
          observations={observations}
          allFindings={allFindings}
          findings={findings}
          visible={visible}
          changes={changes}
          files={files}
          onRetryFiles={() => void refetch().then(retryFiles)}
          lit={lit}
          chosen={chosen}
          onLight={setHovered}
          onChoose={choose}
        />
      ) : (
        <aside className="panel" />
      )}
    </div>
  )
}
