/** Zoom and pan of the viewer by wheel, drag, pinch and double click. */
import {
  type Dispatch,
  type RefObject,
  type SetStateAction,
  useCallback,
  useEffect,
  useRef,
  useState,
} from "react"
import type { Size } from "../findings/size"
import type { BoxGestures } from "./useBoxEditor"
import { clampView, fitView, type View, zoomAt } from "./viewGeometry"

/** The position of the image; `fitted` shows all of it, also after the window changes its size. */
export interface ViewPosition {
  view: View
  fitted: boolean
}

export const FIT_WHOLE: ViewPosition = { view: { scale: 1, x: 0, y: 0 }, fitted: true }

/** Before a canvas is shown. */
export const NO_VIEW = { view: FIT_WHOLE.view, canvas: { width: 0, height: 0 } }

interface ZoomPanHandlers {
  view: View
  canvas: Size
  dragging: boolean
  showWhole: () => void
  zoom: (factor: number) => void
  setScale: (scale: number) => void
  pan: (dx: number, dy: number) => void
}

/** The position is state of the caller, so that the two images of the split view move together. */
export function useZoomPan(
  canvasRef: RefObject<HTMLDivElement | null>,
  picture: Size,
  place: ViewPosition,
  setPlace: Dispatch<SetStateAction<ViewPosition>>,
  gestures?: BoxGestures,
  /** Called when a gesture takes a press that would select a box. */
  onTaken?: () => void,
): ZoomPanHandlers {
  const [canvas, setCanvas] = useState<Size>({ width: 0, height: 0 })
  const [dragging, setDragging] = useState(false)
  const view = place.fitted && canvas.width > 0 ? fitView(picture, canvas) : place.view
  const now = useRef({ canvas, picture, view, gestures, onTaken })
  now.current = { canvas, picture, view, gestures, onTaken }

  const change = useCallback(
    (next: (view: View, picture: Size, canvas: Size) => View) => {
      setPlace((old) => ({
        view: next(
          old.fitted ? fitView(now.current.picture, now.current.canvas) : old.view,
          now.current.picture,
          now.current.canvas,
        ),
        fitted: false,
      }))
    },
    [setPlace],
  )

  useEffect(() => {
    const element = canvasRef.current
    if (!element) return
    const observer = new ResizeObserver(() =>
      setCanvas({ width: element.clientWidth, height: element.clientHeight }),
    )
    observer.observe(element)
    setCanvas({ width: element.clientWidth, height: element.clientHeight })

    const spot = (event: { clientX: number; clientY: number }) => {
      const frame = element.getBoundingClientRect()
      return { x: event.clientX - frame.left, y: event.clientY - frame.top }
    }
    const onWheel = (event: WheelEvent) => {
      event.preventDefault()
      const at = spot(event)
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1
      const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002))
      change((view, p, c) => zoomAt(view, factor, at.x, at.y, p, c))
    }
    const fingers = new Map<number, { x: number; y: number }>()
    /** The pointer that draws or changes a box. */
    let drawing: { id: number; at: { x: number; y: number } } | null = null
    const onDown = (event: PointerEvent) => {
      if (event.button !== 0) return
      element.setPointerCapture(event.pointerId)
      const at = spot(event)
      if (drawing) {
        // A second finger: both move the image.
        now.current.gestures?.cancel()
        fingers.set(drawing.id, drawing.at)
        drawing = null
      } else if (fingers.size === 0) {
        const isTouch = event.pointerType === "touch"
        const taken = now.current.gestures?.down(at, now.current.view, isTouch)
        if (taken === "drag") now.current.onTaken?.()
        if (taken) {
          drawing = { id: event.pointerId, at }
          return
        }
      }
      fingers.set(event.pointerId, at)
      setDragging(true)
    }
    const onMove = (event: PointerEvent) => {
      if (drawing?.id === event.pointerId) {
        drawing.at = spot(event)
        now.current.gestures?.move(drawing.at, now.current.view)
        return
      }
      const before = fingers.get(event.pointerId)
      if (!before) return
      const at = spot(event)
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1]
      fingers.set(event.pointerId, at)
      const [dx, dy] = [at.x - before.x, at.y - before.y]
      if (!other) {
        if (dx || dy)
          change((view, p, c) => clampView({ ...view, x: view.x + dx, y: view.y + dy }, p, c))
        return
      }
      const was = Math.hypot(before.x - other.x, before.y - other.y)
      const is = Math.hypot(at.x - other.x, at.y - other.y)
      const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 }
      change((view, p, c) =>
        zoomAt(
          { ...view, x: view.x + dx / 2, y: view.y + dy / 2 },
          was > 0 ? is / was : 1,
          middle.x,
          middle.y,
          p,
          c,
        ),
      )
    }
    const onUp = (event: PointerEvent) => {
      if (drawing?.id === event.pointerId) {
        drawing = null
        if (event.type === "pointerup") now.current.gestures?.up()
        else now.current.gestures?.cancel()
      }
      fingers.delete(event.pointerId)
      if (fingers.size === 0) setDragging(false)
    }
    const onDouble = (event: MouseEvent) => {
      if (now.current.gestures?.isBusy()) return
      const at = spot(event)
      change((view, p, c) => zoomAt(view, event.shiftKey ? 0.4 : 2.5, at.x, at.y, p, c))
    }
    element.addEventListener("wheel", onWheel, { passive: false })
    element.addEventListener("pointerdown", onDown)
    element.addEventListener("pointermove", onMove)
    element.addEventListener("pointerup", onUp)
    element.addEventListener("pointercancel", onUp)
    element.addEventListener("dblclick", onDouble)
    return () => {
      observer.disconnect()
      element.removeEventListener("wheel", onWheel)
      element.removeEventListener("pointerdown", onDown)
      element.removeEventListener("pointermove", onMove)
      element.removeEventListener("pointerup", onUp)
      element.removeEventListener("pointercancel", onUp)
      element.removeEventListener("dblclick", onDouble)
    }
  }, [canvasRef, change])

  return {
    view,
    canvas,
    dragging,
    showWhole: useCallback(() => setPlace((old) => ({ ...old, fitted: true })), [setPlace]),
    zoom: useCallback(
      (factor) => change((v, p, c) => zoomAt(v, factor, c.width / 2, c.height / 2, p, c)),
      [change],
    ),
    setScale: useCallback(
      (scale) => change((v, p, c) => zoomAt(v, scale / v.scale, c.width / 2, c.height / 2, p, c)),
      [change],
    ),
    pan: useCallback(
      (dx, dy) => change((v, p, c) => clampView({ ...v, x: v.x + dx, y: v.y + dy }, p, c)),
      [change],
    ),
  }
}
