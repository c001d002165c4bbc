/** The dark room: one picture, zoomed and moved to the pixel, with boxes over it. */
import { forwardRef, useImperativeHandle, useRef, useState } from "react"
import { fileAddress } from "../api/files"
import type { ImageDetail } from "../api/types"
import { words } from "../words/en"
import { Boxes } from "./Boxes"
import type { Finding } from "./findings"
import { useView } from "./useView"

export interface CanvasHandle {
  zoom: (factor: number) => void
  setScale: (scale: number) => void
  pan: (dx: number, dy: number) => void
  showWhole: () => void
}

interface CanvasProps {
  image: ImageDetail
  findings: Finding[]
  lit: string | null
  onLight: (id: string | null) => void
  onScale: (scale: number) => void
}

const PREVIEW_SIDE = 1280
const PIXELS_FROM = 2.5

export const Canvas = forwardRef<CanvasHandle, CanvasProps>(function Canvas({ image, findings, lit, onLight, onScale }, handle) {
  const frame = useRef<HTMLDivElement>(null)
  const { view, canvas, dragging, zoom, setScale, pan, showWhole } = useView(frame, image)
  const [failed, setFailed] = useState<Record<string, boolean>>({})
  const [fullSeen, setFullSeen] = useState(false)
  useImperativeHandle(handle, () => ({ zoom, setScale, pan, showWhole }), [zoom, setScale, pan, showWhole])

  const said = useRef(0)
  if (said.current !== view.scale) {
    said.current = view.scale
    queueMicrotask(() => onScale(view.scale))
  }

  const density = window.devicePixelRatio || 1
  const shownSide = Math.max(image.width, image.height) * view.scale * density
  const wantsFull = fullSeen || !image.preview_url || failed.preview || shownSide > PREVIEW_SIDE * 1.05
  const nothingShows = (failed.preview || !image.preview_url) && failed.full
  return (
    <div
      ref={frame} className={dragging ? "canvas dragging" : "canvas"} role="group" tabIndex={0}
      aria-label={words.viewer.picture} data-testid="canvas"
    >
      {canvas.width > 0 && (
        <>
          <div
            className={view.scale * density >= PIXELS_FROM && fullSeen ? "picture pixels" : "picture"} data-testid="picture"
            style={{
              width: image.width, height: image.height,
              transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
            }}
          >
            {image.preview_url && !failed.preview && (
              <img src={fileAddress(image.preview_url)} alt="" draggable={false} onError={() => setFailed((old) => ({ ...old, preview: true }))} />
            )}
            {wantsFull && !failed.full && (
              <img
                src={fileAddress(image.file_url)} alt="" draggable={false} data-testid="full" onLoad={() => setFullSeen(true)}
                style={{ opacity: fullSeen ? 1 : 0 }} onError={() => setFailed((old) => ({ ...old, full: true }))}
              />
            )}
          </div>
          <Boxes findings={findings} lit={lit} onLight={onLight} view={view} picture={image} canvas={canvas} />
        </>
      )}
      {nothingShows && <p className="canvas-nothing">{words.viewer.cannotShow}</p>}
    </div>
  )
})
