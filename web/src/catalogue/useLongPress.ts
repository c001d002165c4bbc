/** A long touch on a tile selects it; the click and the menu that follow are suppressed. */
import { type MouseEvent, type PointerEvent, useEffect, useRef } from "react"

const LONG_MS = 450
const MAX_MOVE = 10

export function useLongPress(onPress: (index: number) => void) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const from = useRef<{ x: number; y: number } | null>(null)
  const isPressed = useRef(false)
  const stop = () => {
    clearTimeout(timer.current)
    from.current = null
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return {
    onPointerDownCapture: (event: PointerEvent) => {
      stop()
      isPressed.current = false
      const tile = (event.target as HTMLElement).closest<HTMLElement>(".tile[data-index]")
      if (event.pointerType !== "touch" || !tile) return
      const index = Number(tile.dataset.index)
      from.current = { x: event.clientX, y: event.clientY }
      timer.current = setTimeout(() => {
        isPressed.current = true
        onPress(index)
      }, LONG_MS)
    },
    onPointerMoveCapture: ({ clientX, clientY }: PointerEvent) => {
      const at = from.current
      if (at && Math.hypot(clientX - at.x, clientY - at.y) > MAX_MOVE) stop()
    },
    onPointerUpCapture: stop,
    onPointerCancelCapture: stop,
    onClickCapture: (event: MouseEvent) => {
      if (!isPressed.current) return
      isPressed.current = false
      event.preventDefault()
      event.stopPropagation()
    },
    onContextMenuCapture: (event: MouseEvent) => {
      if (from.current || isPressed.current) event.preventDefault()
    },
  }
}
