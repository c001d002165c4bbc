import { useCallback, useEffect, useRef, useState } from "react"
import { MAX_HEIGHT } from "./timeLayout"

/**
 * The scroll position in a layout that can be higher than browsers allow an element to be.
 *
 * Small movements scroll pixel by pixel, large ones in proportion. After scrolling ends, the
 * scrollbar is set to the proportional position.
 */
export function useTimeScroll(grid: React.RefObject<HTMLDivElement | null>, full: number) {
  const height = Math.min(full, MAX_HEIGHT)
  const shift = useRef(0)
  const last = useRef(-1)
  const [state, setState] = useState({ top: 0, view: window.innerHeight })
  const offset = useCallback(() => {
    const box = grid.current?.getBoundingClientRect()
    return box ? -box.top + getHeadHeight() : 0
  }, [grid])
  const rest = useRef<ReturnType<typeof setTimeout>>(undefined)
  const read = useCallback(() => {
    const view = window.innerHeight - getHeadHeight()
    const at = offset()
    if (full > height) {
      if (last.current < 0 || Math.abs(at - last.current) > 3 * view)
        shift.current = Math.max(
          0,
          Math.min(at / Math.max(height - view, 1), 1) * (full - view) - at,
        )
      clearTimeout(rest.current)
      rest.current = setTimeout(() => {
        const wanted = ((at + shift.current) / Math.max(full - view, 1)) * (height - view)
        if (Math.abs(wanted - at) < 2) return
        shift.current += at - wanted
        last.current = wanted
        window.scrollBy(0, wanted - at)
      }, 200)
    } else shift.current = 0
    last.current = at
    setState({ top: at + shift.current, view })
  }, [full, height, offset])
  useEffect(() => {
    last.current = -1
    read()
    window.addEventListener("scroll", read, { passive: true })
    window.addEventListener("resize", read)
    return () => {
      window.removeEventListener("scroll", read)
      window.removeEventListener("resize", read)
      clearTimeout(rest.current)
    }
  }, [read])
  const jump = useCallback(
    (top: number) => {
      const view = window.innerHeight - getHeadHeight()
      const target = Math.max(0, Math.min(top, full - view / 2))
      const place = full > height ? (target / Math.max(full - view, 1)) * (height - view) : target
      const at = offset()
      shift.current = full > height ? target - place : 0
      last.current = place
      window.scrollBy({ top: place - at, behavior: "instant" })
      setState({ top: target, view })
    },
    [full, height, offset],
  )
  return { ...state, height, shift: shift.current, jump }
}

/** Return the height of the sticky header in pixels. */
function getHeadHeight(): number {
  return document.querySelector(".images-head")?.getBoundingClientRect().bottom ?? 0
}
