/** Buffers keys that are pressed while the next image loads, and applies them to that image. */
import { useEffect, useRef } from "react"
import { isKeyForPage } from "../ui/shortcuts"
import { showToast } from "../ui/Toasts"
import { outboxTexts } from "./en"

const STEPS = new Set(["ArrowLeft", "ArrowRight", "j", "J", "k", "K"])
const DECISIONS = new Set(["y", "n", "u", "z"])
/** These keys open a field: the keys after them are text. */
const FIELDS = new Set(["x", "m"])

/** `isComing` while the image `id` loads, `isFailed` if it could not be loaded. */
export function useBufferedKeys(isComing: boolean, isFailed: boolean, id: string): void {
  const keys = useRef<string[]>([])
  useEffect(() => {
    if (!isComing) return
    const hold = (event: KeyboardEvent) => {
      const { key } = event
      if (!isKeyForPage(event) || !(STEPS.has(key) || DECISIONS.has(key) || FIELDS.has(key))) return
      event.preventDefault()
      event.stopImmediatePropagation()
      if (event.repeat && !STEPS.has(key)) return
      if (!FIELDS.has(keys.current.at(-1) ?? "")) keys.current.push(key)
    }
    window.addEventListener("keydown", hold, { capture: true })
    return () => window.removeEventListener("keydown", hold, { capture: true })
  }, [isComing])
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image or finding
  useEffect(() => {
    if (isFailed && keys.current.some((key) => !STEPS.has(key)))
      showToast(outboxTexts.noImage, true)
    if (isFailed) keys.current = []
    if (isComing) return
    while (keys.current.length > 0) {
      const key = keys.current.shift() ?? ""
      const here = window.location.pathname
      window.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }))
      // The rest of the buffer is about the image that this key opened.
      if (window.location.pathname !== here) return
    }
  }, [isComing, isFailed, id])
}
