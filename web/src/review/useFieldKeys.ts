/** The keys of the review while a field is open in place of the proposal: none of them decides. */
import { useEffect, useRef } from "react"
import { isKeyForPage } from "../ui/shortcuts"

const FIELD = ".review-panel :is(.review-search, .review-comment) :is(input, textarea)"
const CONTROLS = "button, a, select, input"

/** Return text and Enter to the field that lost the focus, and close it with Escape. */
export function useFieldKeys(on: boolean, onClose: () => void): void {
  const latest = useRef({ on, onClose })
  latest.current = { on, onClose }
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (!latest.current.on || !isKeyForPage(event)) return
      const { key, target } = event
      if (key === "Escape") latest.current.onClose()
      const isText = key.length === 1 || key === "Enter" || key === "Backspace"
      if (!isText || (target instanceof HTMLElement && target.closest(CONTROLS))) return
      // A character is typed into the field, which has the focus from now on.
      document.querySelector<HTMLElement>(FIELD)?.focus()
      if (key === "Enter") event.preventDefault()
    }
    window.addEventListener("keydown", listener)
    return () => window.removeEventListener("keydown", listener)
  }, [])
}
