/** The visible part of a map, and the mouse, touch and keyboard input that changes it. */
import {
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
  useEffect,
  useRef,
  useState,
} from "react"
import {
  fitView,
  fromScreen,
  limitView,
  type Point,
  type Size,
  type View,
  zoomAt,
} from "./projection"

/** Maximum movement of a click, in pixels; more is a drag. */
const CLICK_TOLERANCE = 5
const STEP = 80
const ZOOM = 1.6

interface Options {
  /** Whether the map is read-only, such as a small preview. */
  still?: boolean
  /** Whether the wheel zooms the map; otherwise it scrolls the page. */
  wheel?: boolean
  onPress?: (point: Point) => void
}

export function useMapView(
  frame: RefObject<HTMLDivElement | null>,
  points: Point[],
  { still, wheel, onPress }: Options,
) {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 })
  const [moved, setMoved] = useState<View | null>(null)
  const fingers = useRef(new Map<number, Point>())
  const pressed = useRef<Point | null>(null)

  useEffect(() => {
    const element = frame.current
    if (!element) return
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [frame])

  const fitted = fitView(points, size)
  const view = moved ? limitView(moved, size) : fitted
  const change = (next: (view: View) => View) => setMoved((old) => next(old ?? fitted))
  const zoom = (by: number, at: Point = { x: size.width / 2, y: size.height / 2 }) =>
    change((old) => zoomAt(old, by, at, size))
  const pan = (x: number, y: number) =>
    change((old) => limitView({ ...old, x: old.x - x / old.scale, y: old.y - y / old.scale }, size))

  const latest = useRef(zoom)
  latest.current = zoom
  useEffect(() => {
    const element = frame.current
    if (!element || still) return
    const onWheel = (event: WheelEvent) => {
      // Browsers report a pinch on a touchpad as a wheel event with Control.
      if (!wheel && !event.ctrlKey) return
      event.preventDefault()
      const box = element.getBoundingClientRect()
      latest.current(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), {
        x: event.clientX - box.left,
        y: event.clientY - box.top,
      })
    }
    element.addEventListener("wheel", onWheel, { passive: false })
    return () => element.removeEventListener("wheel", onWheel)
  }, [frame, still, wheel])

  const at = (event: PointerEvent): Point => {
    const box = frame.current?.getBoundingClientRect()
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) }
  }
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0 || (event.target as Element).closest("button, a")) return
    event.currentTarget.setPointerCapture(event.pointerId)
    fingers.current.set(event.pointerId, at(event))
    pressed.current = fingers.current.size === 1 ? at(event) : null
  }
  const onPointerMove = (event: PointerEvent) => {
    const before = fingers.current.get(event.pointerId)
    if (!before) return
    const now = at(event)
    if (
      pressed.current &&
      Math.hypot(now.x - pressed.current.x, now.y - pressed.current.y) > CLICK_TOLERANCE
    )
      pressed.current = null
    const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1]
    if (other) {
      const apart = (one: Point) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y))
      zoom(apart(now) / apart(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 })
    }
    // With two fingers, each one contributes half of the movement.
    if (!pressed.current)
      pan((now.x - before.x) / fingers.current.size, (now.y - before.y) / fingers.current.size)
    fingers.current.set(event.pointerId, now)
  }
  const onPointerUp = (event: PointerEvent) => {
    if (fingers.current.delete(event.pointerId) && pressed.current)
      onPress?.(fromScreen(pressed.current, view, size))
    pressed.current = null
  }
  const onPointerCancel = (event: PointerEvent) => {
    fingers.current.delete(event.pointerId)
    pressed.current = null
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey)
      return
    const does: Record<string, () => void> = {
      ArrowLeft: () => pan(STEP, 0),
      ArrowRight: () => pan(-STEP, 0),
      ArrowUp: () => pan(0, STEP),
      ArrowDown: () => pan(0, -STEP),
      "+": () => zoom(ZOOM),
      "=": () => zoom(ZOOM),
      "-": () => zoom(1 / ZOOM),
      "0": () => setMoved(null),
      ...(onPress ? { Enter: () => onPress({ x: view.x, y: view.y }) } : {}),
    }
    const act = does[event.key]
    if (!act) return
    event.preventDefault()
    act()
  }
  return {
    view,
    size,
    zoomIn: () => zoom(ZOOM),
    zoomOut: () => zoom(1 / ZOOM),
    fit: () => setMoved(null),
    /** Show these points; they may all be equal. */
    show: (some: Point[]) => setMoved(fitView(some, size)),
    /** Pan just enough that a point is visible. */
    reveal: (point: Point) => change((old) => ({ ...old, x: point.x, y: point.y })),
    bind: still ? {} : { onPointerDown, onPointerMove, onPointerUp, onPointerCancel, onKeyDown },
  }
}
