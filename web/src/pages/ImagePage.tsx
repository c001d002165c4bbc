/** One image: the viewer. Slider, switched-off classes and analyses live in the URL. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query"
import { ArrowLeft, ChevronLeft, ChevronRight, Maximize, PanelRight, Square, SquareDashed, ZoomIn, ZoomOut } from "lucide-react"
import { useEffect, useMemo, useRef, useState } from "react"
import { useLocation } from "wouter"
import { fileAddress } from "../api/files"
import { askImage } from "../api/queries"
import { useSearch } from "../components/search"
import { paths, withSearch } from "../paths"
import { IconButton } from "../ui/Button"
import { useKeys } from "../ui/keys"
import { Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { Canvas, type CanvasHandle } from "../viewer/Canvas"
import { classKey, findingsOf } from "../viewer/findings"
import { Panel } from "../viewer/Panel"
import "../viewer/viewer.css"
import { words } from "../words/en"

export const DEFAULT_LEAST = 20
const KEPT = ["confidence", "off", "boxes", "info"]

export function ImagePage({ project, image: id }: { project: number; image: string }) {
  const [, go] = useLocation()
  const client = useQueryClient()
  const [search, setSearch] = useSearch()
  const { data: image, error, refetch, isPlaceholderData } = useQuery({ ...askImage(project, id), placeholderData: keepPreviousData })
  const canvas = useRef<CanvasHandle>(null)
  const [lit, setLit] = useState<string | null>(null)
  const [scale, setScale] = useState(1)
  const w = words.viewer

  const least = Number(search.get("confidence") ?? DEFAULT_LEAST) / 100
  const off = useMemo(() => new Set(search.getAll("off")), [search])
  const boxesOn = search.get("boxes") !== "0"
  const panelOn = search.get("info") !== "0"
  const shown = useMemo(() => {
    if (!image) return new Set<string>()
    const asked = search.getAll("analysis").filter((one) => image.analyses.some((analysis) => analysis.id === one))
    if (search.has("analysis")) return new Set(asked)
    const newest = image.analyses.find((analysis) => analysis.status === "completed") ?? image.analyses[0]
    return new Set(newest ? [newest.id] : [])
  }, [image, search])
  const findings = useMemo(() => (image ? findingsOf(image, shown) : []), [image, shown])
  const visible = findings.filter((finding) => (finding.confidence ?? 1) >= least && !off.has(classKey(finding)))

  const set = (change: (next: URLSearchParams) => void) => setSearch(change, { replace: true })
  const toggleIn = (key: string, values: ReadonlySet<string>, value: string) =>
    set((next) => {
      next.delete(key)
      const all = new Set(values)
      if (!all.delete(value)) all.add(value)
      all.forEach((one) => next.append(key, one))
      if (key === "analysis" && all.size === 0) next.append(key, "")
    })
  const flip = (key: string, on: boolean) => set((next) => (on ? next.set(key, "0") : next.delete(key)))

  const keep = (path: string) => {
    const kept = new URLSearchParams()
    for (const key of KEPT) for (const value of search.getAll(key)) kept.append(key, value)
    const text = kept.toString()
    return text ? `${path}?${text}` : path
  }
  const step = (to: string | null | undefined) => to && !isPlaceholderData && go(keep(paths.image(project, to)), { state: history.state })
  const back = () => {
    const state = history.state as { images?: string } | null
    go(state?.images ?? withSearch(paths.images(project), {}))
  }
  useEffect(() => {
    if (!image || isPlaceholderData) return
    document.title = `${image.filename} · ${words.product}`
    for (const other of [image.next_id, image.previous_id]) {
      if (!other) continue
      void client.fetchQuery(askImage(project, other)).then(
        (next) => { if (next.preview_url) new Image().src = fileAddress(next.preview_url) },
        () => undefined,
      )
    }
  }, [image, isPlaceholderData, client, project])

  const previous = () => step(image?.previous_id)
  const next = () => step(image?.next_id)
  const zoom = (factor: number) => canvas.current?.zoom(factor)
  useKeys({
    ArrowLeft: previous, k: previous, K: previous, ArrowRight: next, j: next, J: next,
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5),
    "0": () => canvas.current?.showWhole(), "1": () => canvas.current?.setScale(1 / (window.devicePixelRatio || 1)),
    "Shift+ArrowLeft": () => canvas.current?.pan(80, 0), "Shift+ArrowRight": () => canvas.current?.pan(-80, 0),
    "Shift+ArrowUp": () => canvas.current?.pan(0, 80), "Shift+ArrowDown": () => canvas.current?.pan(0, -80),
    b: () => flip("boxes", boxesOn), i: () => flip("info", panelOn), Escape: back,
  })

  return (
    <div className={panelOn ? "viewer" : "viewer no-panel"} data-testid="viewer">
      <header className="viewer-top">
        <IconButton label={w.back} onClick={back}><ArrowLeft size={18} /></IconButton>
        {image && (
          <div className="viewer-title">
            <h1>{image.filename}</h1>
            <span>{image.deployment_name}</span>
            <When at={image.captured_at} zone={image.time_zone} />
          </div>
        )}
        <div className="viewer-tools">
          <IconButton label={w.previous} onClick={previous} disabled={!image?.previous_id}><ChevronLeft size={18} /></IconButton>
          <IconButton label={w.next} onClick={next} disabled={!image?.next_id}><ChevronRight size={18} /></IconButton>
          <IconButton label={w.zoomOut} className="hide-narrow" onClick={() => zoom(1 / 1.5)}><ZoomOut size={18} /></IconButton>
          <span className="viewer-zoom hide-narrow" data-testid="zoom">{Math.round(scale * (window.devicePixelRatio || 1) * 100)} %</span>
          <IconButton label={w.zoomIn} className="hide-narrow" onClick={() => zoom(1.5)}><ZoomIn size={18} /></IconButton>
          <IconButton label={w.fit} onClick={() => canvas.current?.showWhole()}><Maximize size={17} /></IconButton>
          <IconButton label={w.boxes} aria-pressed={boxesOn} onClick={() => flip("boxes", boxesOn)}>
            {boxesOn ? <Square size={17} /> : <SquareDashed size={17} />}
          </IconButton>
          <IconButton label={panelOn ? w.hideInfo : w.showInfo} aria-pressed={panelOn} onClick={() => flip("info", panelOn)}>
            <PanelRight size={18} />
          </IconButton>
        </div>
      </header>
      {image ? (
        <Canvas
          key={image.id} ref={canvas} image={image} findings={boxesOn ? visible : []} lit={lit} onLight={setLit} onScale={setScale}
        />
      ) : (
        <div className="canvas">{error && <div className="canvas-nothing" style={{ pointerEvents: "auto" }}><Trouble error={error} retry={() => void refetch()} /></div>}</div>
      )}
      {image ? (
        <Panel
          image={image} findings={findings} visible={visible} least={least} off={off} shown={shown} lit={lit} onLight={setLit}
          onLeast={(value) => set((next) => next.set("confidence", String(Math.round(value * 100))))}
          onToggleClass={(name) => toggleIn("off", off, name)}
          onToggleAnalysis={(one) => toggleIn("analysis", shown, one)}
        />
      ) : <aside className="panel" />}
    </div>
  )
}
