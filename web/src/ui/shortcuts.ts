/** Keyboard shortcuts; they are off while the user types or a dialog is open. */
import { useEffect, useRef } from "react"

export type Shortcuts = Record<string, (event: KeyboardEvent) => void>

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target instanceof HTMLInputElement)
    return !["checkbox", "radio", "button", "range"].includes(target.type)
  return target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName)
}

/**
 * Whether a key is a shortcut: not handled yet, without Ctrl and the like, and not typed into a
 * field or dialog.
 */
export function isKeyForPage(event: KeyboardEvent): boolean {
  if (
    event.defaultPrevented ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    isTyping(event.target)
  )
    return false
  return !document.querySelector("[role=dialog]:not([hidden])")
}

/**
 * Call `keys[event.key]`; arrow keys pressed with Shift alone are named "Shift+ArrowLeft" and so
 * on.
 */
export function useShortcuts(keys: Shortcuts, on = true): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    if (!on) return
    const listener = (event: KeyboardEvent) => {
      if (!isKeyForPage(event)) return
      const range = event.target instanceof HTMLInputElement && event.target.type === "range"
      if (range && event.key.startsWith("Arrow")) return
      const name =
        event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key
      latest.current[name]?.(event)
    }
    window.addEventListener("keydown", listener)
    return () => window.removeEventListener("keydown", listener)
  }, [on])
}
