/** One image with its findings, with zoom and pan. */
import {
  type Dispatch,
  forwardRef,
  type PointerEvent,
  type ReactNode,
  type SetStateAction,
  useCallback,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
} from "react"
import { fileUrl } from "../api/fileUrls"
import type { Observation, Image as StoredImage } from "../api/types"
import type { Finding } from "../findings/findings"
import type { Size } from "../findings/size"
import { useExpiredUrls } from "../images/useExpiredUrls"
import { AnnotationOverlay, type Highlight, type OverlayItem } from "./AnnotationOverlay"
import { getDrawnShape, type LoadedArtifact } from "./artifactFiles"
import { BoxBar, BoxEditorOverlay } from "./BoxEditorOverlay"
import { type ColourMap, getColourMap } from "./colourMaps"
import { viewerTexts } from "./en"
import { Heatmap } from "./Heatmap"
import { ImageBadges } from "./ImageBadges"
import { Magnifier } from "./Magnifier"
import { TileLayer, TileState } from "./TileLayer"
import { type BoxEditor, STILL } from "./useBoxEditor"
import type { Look } from "./useLook"
import { useTiles } from "./useTiles"
import { useZoomPan, type ViewPosition } from "./useZoomPan"
import { fitView, type View } from "./viewGeometry"

export interface ImageCanvasHandle {
  zoom: (factor: number) => void
  setScale: (scale: number) => void
  pan: (dx: number, dy: number) => void
  showWhole: () => void
  getView: () => { view: View; canvas: Size }
}

export interface ImageCanvasProps extends Omit<Highlight, "onChoose"> {
  image: StoredImage
  findings: Finding[]
  observations: Observation[]
  files: ReadonlyMap<string, LoadedArtifact>
  /** Called with the clicked finding, or with null for a click outside all of them. */
  onChoose: (id: string | null) => void
  opacity: number
  /** The colour map that the user selected; null uses the one that each heatmap requests. */
  map: ColourMap | null
  onScale?: (scale: number) => void
  editor?: BoxEditor
  look?: Look
}

const NO_FINDINGS: Finding[] = []
const NO_OBSERVATIONS: Observation[] = []
const PREVIEW_SIDE = 1280
const PIXELS_FROM = 2.5

interface RenderedFinding {
  place: ViewPosition
  onPlace: Dispatch<SetStateAction<ViewPosition>>
  /** Content above the image. */
  head?: ReactNode
}

export const ImageCanvas = forwardRef<ImageCanvasHandle, ImageCanvasProps & RenderedFinding>(
  function Canvas(
    {
      image,
      findings: allFindings,
      observations,
      files,
      lit,
      onLight,
      onChoose,
      opacity,
      map,
      onScale,
      place,
      onPlace,
      head,
      editor,
      look,
    },
    handle,
  ) {
    const frame = useRef<HTMLDivElement>(null)
    const isBare = look?.isBare ?? false
    const findings = isBare ? NO_FINDINGS : allFindings
    // A press that does not move the image selects the finding under the pointer.
    const press = useRef<{ id: string | null; x: number; y: number } | null>(null)
    const { view, canvas, dragging, zoom, setScale, pan, showWhole } = useZoomPan(
      frame,
      image,
      place,
      onPlace,
      editor?.gestures,
      () => {
        press.current = null
      },
    )
    const [failed, onFail] = useExpiredUrls(image.project_id)
    const { preview_url: previewUrl, file_url: fullUrl } = image
    const preview = previewUrl !== null && !failed.has(previewUrl) ? previewUrl : null
    const [fullSeen, setFullSeen] = useState(false)
    const shown = useRef({ view, canvas, image })
    shown.current = { view, canvas, image }
    useImperativeHandle(
      handle,
      () => ({
        zoom,
        setScale,
        pan,
        showWhole,
        getView: () => {
          const { view, canvas, image } = shown.current
          const { clientWidth: width = 0, clientHeight: height = 0 } = frame.current ?? {}
          // A key can come before the first measured size is rendered.
          return canvas.width > 0 || width === 0
            ? { view, canvas }
            : { view: fitView(image, { width, height }), canvas: { width, height } }
        },
      }),
      [zoom, setScale, pan, showWhole],
    )

    const reportedScale = useRef(0)
    if (onScale && reportedScale.current !== view.scale) {
      reportedScale.current = view.scale
      queueMicrotask(() => onScale(view.scale))
    }

    const edited = editor?.draft?.of?.id
    const drawn = useMemo(
      () =>
        findings.flatMap((finding): OverlayItem[] => {
          const shape = getDrawnShape(finding, files)
          // The draft of a box replaces it.
          return "bounds" in shape && finding.id !== edited ? [{ finding, shape }] : []
        }),
      [findings, files, edited],
    )
    const onPress = useCallback((id: string) => {
      if (press.current) press.current.id = id
    }, [])
    const onUp = (event: PointerEvent) => {
      const began = press.current
      press.current = null
      if (began && Math.hypot(event.clientX - began.x, event.clientY - began.y) < STILL)
        onChoose(began.id)
    }

    const isDrawing = editor?.draft?.of === null
    const density = window.devicePixelRatio || 1
    const shownSide = Math.max(image.width, image.height) * view.scale * density
    const needsMore = !preview || shownSide > PREVIEW_SIDE * 1.05
    const isTiled = Boolean(image.tiles)
    const wantsFull = !isTiled && (fullSeen || needsMore)
    const tiles = useTiles(image, needsMore, view, canvas, onFail)
    const nothingShows = !isTiled && !preview && failed.has(fullUrl)
    return (
      <div className="pane">
        {head}
        <div
          ref={frame}
          className={`canvas${dragging ? " dragging" : ""}${isDrawing ? " drawing" : ""}`}
          role="group"
          tabIndex={0}
          aria-label={viewerTexts.picture}
          data-testid="canvas"
          onPointerUp={onUp}
          onPointerDownCapture={(event) => {
            if (event.button === 0) press.current = { id: null, x: event.clientX, y: event.clientY }
          }}
        >
          {canvas.width > 0 && (
            <>
              <div
                className={
                  view.scale * density >= PIXELS_FROM && (fullSeen || tiles.isSharp)
                    ? "image-layer pixels"
                    : "image-layer"
                }
                data-testid="picture"
                style={{
                  width: image.width,
                  height: image.height,
                  transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
                }}
              >
                {preview && (
                  <img
                    src={fileUrl(preview)}
                    alt=""
                    draggable={false}
                    onError={() => onFail(preview)}
                  />
                )}
                {wantsFull && !failed.has(fullUrl) && (
                  <img
                    src={fileUrl(fullUrl)}
                    alt=""
                    draggable={false}
                    data-testid="full"
                    onLoad={() => setFullSeen(true)}
                    style={{ opacity: fullSeen ? 1 : 0 }}
                    onError={() => onFail(fullUrl)}
                  />
                )}
                <TileLayer shown={tiles} />
                {findings.map((finding) => {
                  const file = files.get(finding.id)
                  return (
                    file?.state === "there" &&
                    file.heat && (
                      <Heatmap
                        key={finding.id}
                        id={finding.id}
                        heat={file.heat}
                        map={map ?? getColourMap(finding.annotation.data.color_map)}
                        opacity={opacity}
                        dimmed={lit.size > 0 && !lit.has(finding.id)}
                      />
                    )
                  )
                })}
              </div>
              <ImageBadges
                findings={findings}
                observations={isBare ? NO_OBSERVATIONS : observations}
                files={files}
                lit={lit}
                onLight={onLight}
                onChoose={onPress}
                view={view}
                width={image.width * view.scale}
              />
              <AnnotationOverlay
                drawn={drawn}
                lit={lit}
                onLight={onLight}
                onChoose={onPress}
                view={view}
                picture={image}
                canvas={canvas}
                opacity={opacity}
              />
            </>
          )}
          {look?.isMagnified && canvas.width > 0 && (
            <Magnifier
              frame={frame}
              image={image}
              url={isTiled || failed.has(fullUrl) ? preview : fullUrl}
              onFail={onFail}
              view={view}
              canvas={canvas}
            />
          )}
          {editor && !isBare && canvas.width > 0 && (
            <BoxEditorOverlay editor={editor} view={view} />
          )}
          {nothingShows && <p className="canvas-empty">{viewerTexts.cannotShow}</p>}
        </div>
        <TileState shown={tiles} />
        {editor && <BoxBar editor={editor} view={view} canvas={canvas} />}
        {editor && (
          <p className="visually-hidden" aria-live="polite" data-testid="box-announcement">
            {editor.announcement}
          </p>
        )}
      </div>
    )
  },
)
