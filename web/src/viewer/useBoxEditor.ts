/**
 * Draws, moves and resizes one box at a time, by mouse, touch and keyboard. Nothing is stored
 * before the user releases the pointer or presses Enter.
 */
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import type { Finding } from "../findings/findings"
import type { Rectangle } from "../findings/shapes"
import type { Size } from "../findings/size"
import { isKeyForPage } from "../ui/shortcuts"
import {
  findHandle,
  getKeyStep,
  type Handle,
  isInside,
  isLargeEnough,
  moveBox,
  type Point,
  resizeBox,
  spanBox,
  startBox,
  toCanvas,
  toImage,
} from "./boxGeometry"
import { drawingTexts as t } from "./en"
import type { ImageCanvasHandle } from "./ImageCanvas"
import type { View } from "./viewGeometry"

/** A pointer that moves less than this, in CSS pixels, is a click. */
export const STILL = 5
/** The distance at which a handle is hit, in CSS pixels. */
const REACH = { mouse: 10, touch: 24 }
const CORNER: Handle = { x: 1, y: 1 }
const ARROWS: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}
/** Keys that change only what is visible: they work while a box is drawn. */
const LOOKING = new Set(["+", "-", "=", "b", "f", "g", "h", "v", "?"])

/** A box that is not stored. */
export interface BoxDraft {
  /** The box that is changed; null for a new one. */
  of: Finding | null
  bounds: Rectangle
  /** Whether it has handles. A new box that was not moved yet is replaced by the next drag. */
  isPlaced: boolean
}

export interface EditableBox {
  finding: Finding
  bounds: Rectangle
}

export interface BoxEditorOptions {
  image: (Size & { id: string }) | undefined
  /** Whether the user may draw on the image. */
  isEnabled: boolean
  /** The selected box, if the user may change it. */
  selected: EditableBox | null
  /** Resolves when the box is shown from then on. */
  onSave: (bounds: Rectangle, of: Finding | null) => Promise<unknown>
  /** Deletes the selected box; false if none is selected. */
  onDelete: () => boolean
}

/** Handles pointers before they move the image. */
export interface BoxGestures {
  /** "drag" keeps the press from selecting a box; null leaves the pointer to the image. */
  down: (at: Point, view: View, isTouch: boolean) => "drag" | "press" | null
  move: (at: Point, view: View) => void
  up: () => void
  cancel: () => void
  /** Whether a box is drawn: a double click does not zoom. */
  isBusy: () => boolean
}

interface Gesture {
  kind: "draw" | "move" | Handle
  at: Point
  start: Point
  from: BoxDraft
  /** Restored if the gesture is cancelled. */
  before: BoxDraft | null
  isMoved: boolean
}

export function useBoxEditor(
  canvas: RefObject<Pick<ImageCanvasHandle, "getView"> | null>,
  options: BoxEditorOptions,
) {
  const [draft, setDraft] = useState<BoxDraft | null>(null)
  const [announcement, announce] = useState("")
  const now = useRef({ draft, options, isSaving: false })
  now.current.options = options
  const gesture = useRef<Gesture | null>(null)

  const editor = useMemo(() => {
    const put = (next: BoxDraft | null) => {
      now.current.draft = next
      setDraft(next)
    }
    const announceDraft = ({ bounds }: BoxDraft) =>
      announce(t.position(bounds.width, bounds.height, bounds.x, bounds.y))
    const cancel = () => {
      gesture.current = null
      if (now.current.draft) announce(t.cancelled)
      put(null)
    }
    const save = () => {
      const { draft, options } = now.current
      if (!draft || now.current.isSaving || !isLargeEnough(draft.bounds)) return
      now.current.isSaving = true
      // The draft is visible until the stored box is.
      void options.onSave(draft.bounds, draft.of).finally(() => {
        now.current.isSaving = false
        if (now.current.draft === draft) put(null)
      })
    }
    const start = () => {
      const { options, draft } = now.current
      const shown = canvas.current?.getView()
      if (draft) return cancel()
      if (!options.isEnabled || !options.image || !shown?.canvas.width) return
      put({ of: null, bounds: startBox(shown.view, shown.canvas, options.image), isPlaced: false })
      announce(t.started)
    }
    const adjust = () => {
      const { selected, isEnabled } = now.current.options
      if (!selected || !isEnabled) return false
      const next = { of: selected.finding, bounds: selected.bounds, isPlaced: true }
      put(next)
      announceDraft(next)
      return true
    }
    const gestures: BoxGestures = {
      down: (at, view, isTouch) => {
        const { draft, options, isSaving } = now.current
        if (!options.isEnabled || !options.image || isSaving) return null
        const { selected } = options
        const placed: BoxDraft | null = draft?.isPlaced
          ? draft
          : !draft && selected
            ? { of: selected.finding, bounds: selected.bounds, isPlaced: true }
            : null
        const box = placed && toCanvas(placed.bounds, view)
        const handle = box && findHandle(at, box, isTouch ? REACH.touch : REACH.mouse)
        const begin = (kind: Gesture["kind"], from: BoxDraft) => {
          const start = toImage(at, view)
          gesture.current = { kind, at, start, from, before: draft, isMoved: false }
        }
        if (placed && handle) begin(handle, placed)
        else if (placed && box && isInside(at, box)) begin("move", placed)
        else if (draft?.of === null) begin("draw", draft)
        else return null
        return draft || handle ? "drag" : "press"
      },
      move: (at, view) => {
        const one = gesture.current
        const { image } = now.current.options
        if (!one || !image) return
        if (!one.isMoved && Math.hypot(at.x - one.at.x, at.y - one.at.y) < STILL) return
        one.isMoved = true
        const to = toImage(at, view)
        const [dx, dy] = [to.x - one.start.x, to.y - one.start.y]
        const bounds =
          one.kind === "draw"
            ? spanBox(one.start, to, image)
            : one.kind === "move"
              ? moveBox(one.from.bounds, dx, dy, image)
              : resizeBox(one.from.bounds, one.kind, dx, dy, image)
        put({ of: one.from.of, bounds, isPlaced: true })
      },
      up: () => {
        const one = gesture.current
        gesture.current = null
        if (!one?.isMoved) return
        const { draft } = now.current
        if (draft && isLargeEnough(draft.bounds)) save()
        else put(one.before)
      },
      cancel: () => {
        const one = gesture.current
        gesture.current = null
        if (one?.isMoved) put(one.before)
      },
      isBusy: () => now.current.draft !== null,
    }
    const press = (event: KeyboardEvent) => {
      const { draft, options } = now.current
      const { key, repeat, shiftKey, target } = event
      if (!options.isEnabled || !options.image) return
      const isButton = target instanceof HTMLElement && target.closest(".box-bar button") !== null
      if (!draft) {
        if (key === "d" && !repeat) start()
        else if (!(key === "e" && !repeat && adjust())) {
          if (!["Delete", "Backspace"].includes(key) || repeat || !options.onDelete()) return
        }
        event.preventDefault()
        return
      }
      const way = ARROWS[key]
      if (way) {
        const step = getKeyStep(canvas.current?.getView().view ?? { scale: 1, x: 0, y: 0 })
        const change = shiftKey
          ? resizeBox(draft.bounds, CORNER, way.x * step, way.y * step, options.image)
          : moveBox(draft.bounds, way.x * step, way.y * step, options.image)
        const next = { ...draft, bounds: change, isPlaced: true }
        put(next)
        announceDraft(next)
      } else if (key === "Enter") {
        if (isButton) return
        save()
      } else if (key === "Escape" || (key === "d" && !repeat)) cancel()
      else if (key === "Tab") {
        // The buttons of the draft can be reached; boxes are not cycled.
        event.stopImmediatePropagation()
        return
      } else if (LOOKING.has(key) || (key === " " && isButton)) return
      event.preventDefault()
    }
    return { put, start, adjust, save, cancel, gestures, press }
  }, [canvas])

  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      const range = event.target instanceof HTMLInputElement && event.target.type === "range"
      if (isKeyForPage(event) && !range) editor.press(event)
    }
    // Before the shortcuts of the page, which ignore keys that are handled.
    window.addEventListener("keydown", listener, { capture: true })
    return () => window.removeEventListener("keydown", listener, { capture: true })
  }, [editor])
  // Before the next key, which can start a box on this image.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image
  useLayoutEffect(() => {
    gesture.current = null
    editor.put(null)
  }, [options.image?.id, options.isEnabled, editor])

  return {
    draft,
    announcement,
    announce,
    selected: options.isEnabled && !draft ? options.selected : null,
    isEnabled: options.isEnabled,
    start: editor.start,
    save: editor.save,
    cancel: editor.cancel,
    /** Delete the selected box. */
    remove: () => void now.current.options.onDelete(),
    gestures: editor.gestures,
  }
}

export type BoxEditor = ReturnType<typeof useBoxEditor>
