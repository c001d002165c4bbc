/** The box that is drawn or changed, dashed and with handles, and its buttons. */
import { Check, Trash2, X } from "lucide-react"
import type { Size } from "../findings/size"
import { Button } from "../ui/Button"
import { HANDLES, toCanvas } from "./boxGeometry"
import { drawingTexts as t } from "./en"
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
  const bounds = draft?.bounds ?? selected?.bounds
  const box = bounds && toCanvas(bounds, view)
  if (!box) return null
  return (
    <svg className="overlay box-editor" aria-hidden>
      {draft && (
        <>
          <rect {...box} className="draft-halo" />
          <rect
            {...box}
            className="draft"
            data-testid="draft"
            data-corners={[
              draft.bounds.x,
              draft.bounds.y,
              draft.bounds.x + draft.bounds.width,
              draft.bounds.y + draft.bounds.height,
            ].join(" ")}
          />
        </>
      )}
      {(!draft || draft.isPlaced) &&
        HANDLES.map(({ x, y }) => (
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
        ))}
    </svg>
  )
}

interface BoxBarProps {
  editor: BoxEditor
  view: View
  canvas: Size
}

/** The buttons that end the drawing of a box. They are outside of the canvas, which drags. */
export function BoxBar({ editor, view, canvas }: BoxBarProps) {
  const { draft, selected } = editor
  const box = selected && toCanvas(selected.bounds, view)
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
        <span className="box-hint">{draft.of ? t.changeHint : t.drawHint}</span>
        <Button small kind="accent" onClick={editor.save} icon={<Check size={15} aria-hidden />}>
          {t.save}
        </Button>
        <Button small onClick={editor.cancel} icon={<X size={15} aria-hidden />}>
          {t.cancel}
        </Button>
      </div>
    )
  )
}
