/**
 * Draws, moves and resizes one box, point or polygon at a time, by mouse, touch and keyboard.
 * Nothing is stored before the user releases the pointer, closes the polygon or presses Enter.
 */
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import type { Finding } from "../findings/findings"
import type { Size } from "../findings/size"
import { isKeyForPage } from "../ui/shortcuts"
import { showToast } from "../ui/Toasts"
import { type BoxDraft, type EditableBox, findObstacle, formatSaved, placeDraft } from "./boxDraft"
import {
  getKeyStep,
  type Handle,
  type Point,
  resizeBox,
  spanBox,
  startBox,
  toImage,
} from "./boxGeometry"
import { drawingTexts as t } from "./en"
import type { ImageCanvasHandle } from "./ImageCanvas"
import {
  clampPoint,
  type DrawnShape,
  dragShape,
  findGrip,
  type Grip,
  getExtent,
  isSamePoint,
  isWithin,
  MAX_CORNERS,
  moveShape,
  type ShapeKind,
} from "./shapeGeometry"
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
/** The keys that draw each shape. */
export const DRAW_KEYS: Record<ShapeKind, string> = { box: "d", point: "p", polygon: "l" }
/** Keys that change only what is visible: they work while a box is drawn. */
const LOOKING = new Set(["+", "-", "=", "b", "f", "g", "h", "v", "?"])

export interface BoxEditorOptions {
  image: (Size & { id: string }) | undefined
  /** Whether the user may draw on the image. */
  isEnabled: boolean
  /** The shapes that the project uses. */
  shapes: readonly ShapeKind[]
  /** The selected box, if the user may change it. */
  selected: EditableBox | null
  /** Resolves with its name when the box is shown from then on; null if nothing was stored. */
  onSave: (shape: DrawnShape, of: Finding | null) => Promise<string | null>
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
  grip: "draw" | Grip
  at: Point
  start: Point
  /** The last position in the image. */
  last: Point
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
  const now = useRef({ draft, options, isSaving: false, reach: REACH.mouse })
  now.current.options = options
  const gesture = useRef<Gesture | null>(null)
  /** Keys and gestures that came while a box was being stored: they are about the stored box. */
  const held = useRef<(() => void)[]>([])
  const [replayed, setReplayed] = useState(0)

  const editor = useMemo(() => {
    const put = (next: BoxDraft | null) => {
      now.current.draft = next
      setDraft(next)
    }
    const announceDraft = ({ shape, cursor, corner }: BoxDraft) => {
      const { x, y, width, height } = getExtent(shape)
      const selected = shape.kind === "polygon" && corner !== null ? shape.corners[corner] : null
      if (selected && corner !== null) announce(t.corner(corner + 1, selected.x, selected.y))
      else if (cursor) announce(t.at(cursor.x, cursor.y))
      else announce(shape.kind === "point" ? t.at(x, y) : t.position(width, height, x, y))
    }
    const cancel = () => {
      gesture.current = null
      if (now.current.draft) announce(t.cancelled)
      put(null)
    }
    const save = () => {
      const { draft, options } = now.current
      if (!draft || now.current.isSaving) return
      const { shape } = draft
      const why = findObstacle(shape)
      if (why !== null) {
        announce(why)
        if (why) showToast(why, true)
        return
      }
      now.current.isSaving = true
      // The draft is visible until the stored box is.
      void options
        .onSave(shape, draft.of)
        .then((name) => name !== null && announce(formatSaved(name, shape)))
        .finally(() => {
          now.current.isSaving = false
          if (now.current.draft === draft) put(null)
          setReplayed((count) => count + 1)
        })
    }
    const start = (kind: ShapeKind = now.current.options.shapes[0] ?? "box") => {
      const { options, draft } = now.current
      const shown = canvas.current?.getView()
      if (draft && (draft.of || draft.shape.kind === kind)) return cancel()
      if (!options.isEnabled || !options.image || !shown?.canvas.width) return
      const bounds = startBox(shown.view, shown.canvas, options.image)
      const middle = { x: bounds.x + bounds.width / 2, y: bounds.y + bounds.height / 2 }
      const at = clampPoint(middle, options.image)
      const shape: DrawnShape =
        kind === "box" ? { kind, bounds } : kind === "point" ? { kind, at } : { kind, corners: [] }
      const cursor = kind === "polygon" ? at : null
      put({ of: null, shape, isPlaced: false, cursor, corner: null })
      announce(t.started[kind])
    }
    const adjust = () => {
      const { selected, isEnabled } = now.current.options
      if (!selected || !isEnabled) return false
      const next = placeDraft(selected)
      put(next)
      announceDraft(next)
      return true
    }
    /** Place a new point, or the next corner of a new polygon. */
    const placeShape = (draft: BoxDraft, at: Point) => {
      const { shape } = draft
      if (shape.kind === "point") {
        put({ ...draft, shape: { kind: "point", at } })
        return save()
      }
      if (shape.kind !== "polygon") return
      const { corners } = shape
      const view = canvas.current?.getView().view
      const [first, last] = [corners[0], corners.at(-1)]
      const isNear = (corner: Point | undefined, reach: number) =>
        view &&
        corner &&
        isWithin(
          { x: view.x + at.x * view.scale, y: view.y + at.y * view.scale },
          corner,
          view,
          reach,
        )
      put({ ...draft, cursor: at })
      // The second click of a double click, or a click on the first corner.
      if (isNear(last, STILL) || (corners.length > 2 && isNear(first, now.current.reach)))
        return corners.length > 2 ? save() : undefined
      if (corners.length >= MAX_CORNERS) return showToast(t.tooManyCorners(MAX_CORNERS), true)
      if (corners.some((one) => isSamePoint(one, at))) return
      put({ ...draft, cursor: at, shape: { kind: "polygon", corners: [...corners, at] } })
      announce(t.corner(corners.length + 1, at.x, at.y))
    }
    /** Remove the last corner of a new polygon, or the selected corner of another one. */
    const removeCorner = (draft: BoxDraft) => {
      const { shape, corner } = draft
      if (shape.kind !== "polygon") return
      const which = draft.of === null ? shape.corners.length - 1 : corner
      if (which === null || (draft.of !== null && shape.corners.length <= 3)) return
      const corners = shape.corners.filter((_, at) => at !== which)
      put({ ...draft, shape: { kind: "polygon", corners }, corner: null })
      announce(t.cornerRemoved(corners.length))
    }
    /** Move what the arrow keys move: the cursor, the selected corner or the whole shape. */
    const moveDraft = (draft: BoxDraft, dx: number, dy: number, isResize: boolean, image: Size) => {
      const { shape, cursor, corner } = draft
      if (cursor && draft.of === null)
        return { ...draft, cursor: clampPoint({ x: cursor.x + dx, y: cursor.y + dy }, image) }
      const moved =
        shape.kind === "box" && isResize
          ? { kind: shape.kind, bounds: resizeBox(shape.bounds, CORNER, dx, dy, image) }
          : corner !== null
            ? dragShape(shape, { corner }, dx, dy, image)
            : moveShape(shape, dx, dy, image)
      return { ...draft, shape: moved, isPlaced: true }
    }
    const hold = (action: () => void): boolean => {
      const isHeld = now.current.isSaving || held.current.length > 0
      if (isHeld) held.current.push(action)
      return isHeld
    }
    const gestures: BoxGestures = {
      down: (at, view, isTouch) => {
        const { draft, options } = now.current
        if (!options.isEnabled || !options.image) return null
        if (hold(() => gestures.down(at, view, isTouch))) return "press"
        const { selected } = options
        const placed: BoxDraft | null = draft?.isPlaced
          ? draft
          : !draft && selected
            ? placeDraft(selected)
            : null
        now.current.reach = isTouch ? REACH.touch : REACH.mouse
        const grip = placed && findGrip(at, placed.shape, view, now.current.reach)
        const begin = (grip: Gesture["grip"], from: BoxDraft) => {
          const start = toImage(at, view)
          gesture.current = { grip, at, start, last: start, from, before: draft, isMoved: false }
        }
        if (placed && grip) begin(grip, placed)
        else if (draft?.of === null) begin("draw", draft)
        else return null
        return draft || (grip && grip !== "move") ? "drag" : "press"
      },
      move: (at, view) => {
        if (hold(() => gestures.move(at, view))) return
        const one = gesture.current
        const { image } = now.current.options
        if (!one || !image) return
        if (!one.isMoved && Math.hypot(at.x - one.at.x, at.y - one.at.y) < STILL) return
        one.isMoved = true
        const to = toImage(at, view)
        one.last = to
        const { shape } = one.from
        const [dx, dy] = [to.x - one.start.x, to.y - one.start.y]
        if (one.grip !== "draw")
          put({ ...one.from, shape: dragShape(shape, one.grip, dx, dy, image), isPlaced: true })
        else if (shape.kind === "box") {
          const bounds = spanBox(one.start, to, image)
          put({ ...one.from, shape: { kind: "box", bounds }, isPlaced: true })
        } else if (shape.kind === "point")
          put({ ...one.from, shape: { kind: "point", at: clampPoint(to, image) } })
        else put({ ...one.from, cursor: clampPoint(to, image) })
      },
      up: () => {
        if (hold(gestures.up)) return
        const one = gesture.current
        const { image } = now.current.options
        gesture.current = null
        if (!one || !image) return
        if (one.grip === "draw" && one.from.shape.kind !== "box")
          return placeShape(one.from, clampPoint(one.last, image))
        if (!one.isMoved) return
        const { draft } = now.current
        if (draft && findObstacle(draft.shape) === null) save()
        else {
          const why = draft && findObstacle(draft.shape)
          if (why) showToast(why, true)
          put(one.before)
        }
      },
      cancel: () => {
        if (hold(gestures.cancel)) return
        const one = gesture.current
        gesture.current = null
        if (one?.isMoved || one?.grip === "draw") put(one.before)
      },
      isBusy: () => now.current.draft !== null,
    }
    const press = (event: KeyboardEvent) => {
      const { draft, options } = now.current
      const { key, repeat, shiftKey, target } = event
      if (!options.isEnabled || !options.image) return
      const isButton = target instanceof HTMLElement && target.closest(".box-bar button") !== null
      const isLooking = LOOKING.has(key) || key === "Tab" || (key === " " && isButton)
      const same = { key, repeat, shiftKey, bubbles: true, cancelable: true }
      if (!isLooking && hold(() => window.dispatchEvent(new KeyboardEvent("keydown", same)))) {
        event.preventDefault()
        return event.stopImmediatePropagation()
      }
      if (!draft) {
        const kind = options.shapes.find((one) => DRAW_KEYS[one] === key)
        if (kind && !repeat) start(kind)
        else if (!(key === "e" && !repeat && adjust())) {
          if (!["Delete", "Backspace"].includes(key) || repeat || !options.onDelete()) return
        }
        event.preventDefault()
        return
      }
      const way = ARROWS[key]
      if (way) {
        const step = getKeyStep(canvas.current?.getView().view ?? { scale: 1, x: 0, y: 0 })
        const next = moveDraft(draft, way.x * step, way.y * step, shiftKey, options.image)
        put(next)
        announceDraft(next)
      } else if (key === "Enter") {
        if (isButton) return
        save()
      } else if (key === "Escape" || (key === DRAW_KEYS[draft.shape.kind] && !repeat)) cancel()
      else if (draft.shape.kind === "polygon" && key === "Backspace") removeCorner(draft)
      else if (draft.shape.kind === "polygon" && key === " " && !isButton) {
        if (draft.of === null) placeShape(draft, draft.cursor ?? { x: 0, y: 0 })
        else {
          const at = (draft.corner ?? -1) + 1
          const next = { ...draft, corner: at < draft.shape.corners.length ? at : null }
          put(next)
          announceDraft(next)
        }
      } else if (key === "Tab") {
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
  // One at a time: the next one is about what this one changed.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again after each one
  useEffect(() => {
    const next = now.current.isSaving ? undefined : held.current.shift()
    if (!next) return
    const rest = held.current
    held.current = []
    next()
    held.current = rest
    setReplayed((count) => count + 1)
  }, [replayed])
  // Before the next key, which can start a box on this image.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image
  useLayoutEffect(() => {
    gesture.current = null
    // The user went to another image without a key that was held.
    if (now.current.isSaving) held.current = []
    editor.put(null)
  }, [options.image?.id, options.isEnabled, editor])

  return {
    draft,
    announcement,
    announce,
    selected: options.isEnabled && !draft ? options.selected : null,
    isEnabled: options.isEnabled,
    shapes: options.shapes,
    start: editor.start,
    save: editor.save,
    cancel: editor.cancel,
    /** Delete the selected box. */
    remove: () => void now.current.options.onDelete(),
    gestures: editor.gestures,
  }
}

export type BoxEditor = ReturnType<typeof useBoxEditor>
