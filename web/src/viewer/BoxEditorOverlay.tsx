/** The box, point or polygon that is drawn or changed, with handles, and its buttons. */
import { Check, Trash2, X } from "lucide-react"
import type { Size } from "../findings/size"
import { Button } from "../ui/Button"
import type { BoxDraft } from "./boxDraft"
import { HANDLES, type Point, toCanvas } from "./boxGeometry"
import { drawingTexts as t } from "./en"
import { type DrawnShape, getExtent, placePoint } from "./shapeGeometry"
import type { BoxEditor } from "./useBoxEditor"
import type { View } from "./viewGeometry"

const HANDLE_SIDE = 10
const DELETE_SIDE = 44
const CURSORS: Record<string, string> = {
  "-1 -1": "nwse-resize",
  "1 1": "nwse-resize",
  "1 -1": "nesw-resize",
  "-1 1": "nesw-resize",
  "0 -1": "ns-resize",
  "0 1": "ns-resize",
  "-1 0": "ew-resize",
  "1 0": "ew-resize",
}

export function BoxEditorOverlay({ editor, view }: { editor: BoxEditor; view: View }) {
  const { draft, selected } = editor
  const shape = draft?.shape ?? selected?.shape
  if (!shape) return null
  return (
    <svg className="overlay box-editor" aria-hidden>
      {draft && <DraftShape draft={draft} view={view} />}
      {shape.kind === "box" ? (
        (!draft || draft.isPlaced) && <BoxHandles shape={shape} view={view} />
      ) : (
        <CornerHandles shape={shape} draft={draft} view={view} />
      )}
    </svg>
  )
}

function DraftShape({ draft, view }: { draft: BoxDraft; view: View }) {
  const { shape, cursor } = draft
  if (shape.kind === "box") {
    const box = toCanvas(shape.bounds, view)
    const { x, y, width, height } = shape.bounds
    return (
      <>
        <rect {...box} className="draft-halo" />
        <rect
          {...box}
          className="draft"
          data-testid="draft"
          data-corners={[x, y, x + width, y + height].join(" ")}
        />
      </>
    )
  }
  const corners = shape.kind === "point" ? [shape.at] : shape.corners
  const isOpen = draft.of === null
  // A new polygon leads to the cursor.
  const line = isOpen && cursor ? [...corners, cursor] : corners
  const path = line.map((one, at) => `${at ? "L" : "M"}${format(placePoint(one, view))}`).join("")
  const outline = isOpen ? path : `${path}Z`
  return (
    <>
      <path d={outline} className="draft-halo" />
      <path
        d={outline}
        className="draft"
        data-testid="draft"
        data-corners={corners.map(format).join(" ")}
      />
      {cursor && <DraftCursor at={placePoint(cursor, view)} />}
    </>
  )
}

const format = ({ x, y }: Point) => `${x} ${y}`

function DraftCursor({ at }: { at: Point }) {
  const path = `M${at.x - 9} ${at.y}h18M${at.x} ${at.y - 9}v18`
  return (
    <>
      <path d={path} className="draft-halo" />
      <path d={path} className="draft-cursor" />
    </>
  )
}

function BoxHandles({ shape, view }: { shape: DrawnShape; view: View }) {
  const box = toCanvas(getExtent(shape), view)
  return HANDLES.map(({ x, y }) => (
    <rect
      key={`${x} ${y}`}
      className="box-handle"
      data-handle={`${x} ${y}`}
      x={box.x + (box.width * (x + 1)) / 2 - HANDLE_SIDE / 2}
      y={box.y + (box.height * (y + 1)) / 2 - HANDLE_SIDE / 2}
      width={HANDLE_SIDE}
      height={HANDLE_SIDE}
      style={{ cursor: CURSORS[`${x} ${y}`] }}
    />
  ))
}

interface CornerHandlesProps {
  shape: DrawnShape
  draft: BoxDraft | null
  view: View
}

function CornerHandles({ shape, draft, view }: CornerHandlesProps) {
  const corners =
    shape.kind === "point" ? [shape.at] : shape.kind === "polygon" ? shape.corners : []
  return corners.map((one, at) => {
    const { x, y } = placePoint(one, view)
    return (
      <circle
        // biome-ignore lint/suspicious/noArrayIndexKey: corners have no ID
        key={at}
        className={draft?.corner === at ? "box-handle lit" : "box-handle"}
        data-corner={at}
        cx={x}
        cy={y}
        r={HANDLE_SIDE / 2}
        style={{ cursor: draft?.of === null ? undefined : "move" }}
      />
    )
  })
}

interface BoxBarProps {
  editor: BoxEditor
  view: View
  canvas: Size
}

/** The buttons that end the drawing of a box. They are outside of the canvas, which drags. */
export function BoxBar({ editor, view, canvas }: BoxBarProps) {
  const { draft, selected } = editor
  const box = selected && toCanvas(getExtent(selected.shape), view)
  if (box)
    return (
      <button
        type="button"
        className="box-delete"
        aria-keyshortcuts="Delete"
        title={t.remove}
        aria-label={t.remove}
        style={{
          left: Math.max(0, Math.min(box.x + box.width + 10, canvas.width - DELETE_SIDE)),
          top: Math.max(0, Math.min(box.y - 4, canvas.height - DELETE_SIDE)),
        }}
        onClick={editor.remove}
      >
        <Trash2 size={16} aria-hidden />
      </button>
    )
  return (
    draft && (
      <div className="box-bar" data-testid="box-bar">
        <span className="box-hint">{(draft.of ? t.changeHint : t.drawHint)[draft.shape.kind]}</span>
        <Button small kind="accent" onClick={editor.save} icon={<Check size={15} aria-hidden />}>
          {t.saveShape[draft.shape.kind]}
        </Button>
        <Button small onClick={editor.cancel} icon={<X size={15} aria-hidden />}>
          {t.cancel}
        </Button>
      </div>
    )
  )
}
