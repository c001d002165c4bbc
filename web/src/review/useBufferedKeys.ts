/**
 * Buffers keys that are pressed while the next image loads, and applies them to that image. A key
 * that is pressed before all of these were applied is applied after them.
 */
import { useCallback, useEffect, useRef, useState } from "react"
import { isKeyForPage } from "../ui/shortcuts"
import { showToast } from "../ui/Toasts"
import { outboxTexts } from "./outbox/en"

export interface BufferedKeys {
  /** These keys repeat while they are held. */
  steps: ReadonlySet<string>
  decisions: ReadonlySet<string>
  /** These keys open a field: the keys after them are text, until Enter or Escape. */
  fields: ReadonlySet<string>
}

const VIEWER_KEYS: BufferedKeys = {
  steps: new Set(["ArrowLeft", "ArrowRight", "j", "J", "k", "K"]),
  decisions: new Set(["y", "n", "u", "z"]),
  fields: new Set(["x", "m"]),
}

interface BufferedKey {
  key: string
  isText: boolean
}

const CLOSING = new Set(["Enter", "Escape"])

/** Return the text field that has the focus. */
function findField(): HTMLInputElement | HTMLTextAreaElement | null {
  const field = document.activeElement
  const isField = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement
  // A slider has no selection.
  return isField && field.selectionEnd !== null ? field : null
}

const isPlain = ({ ctrlKey, metaKey, altKey }: KeyboardEvent) => !(ctrlKey || metaKey || altKey)

/** Apply a key at the end of a text field. */
function typeInto(field: HTMLInputElement | HTMLTextAreaElement, key: string): void {
  const isNotHandled = field.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
  )
  if (!isNotHandled) return
  const end = field.value.length
  if (key === "Enter") field.form?.requestSubmit()
  else if (key === "Backspace") field.setRangeText("", Math.max(end - 1, 0), end, "end")
  else if (key.length === 1) field.setRangeText(key, end, end, "end")
  field.dispatchEvent(new InputEvent("input", { bubbles: true }))
}

/**
 * `isComing` while the image or unit `id` loads, `isFailed` if it could not be loaded. The result
 * applies keys that a field received after it closed.
 */
export function useBufferedKeys(
  isComing: boolean,
  isFailed: boolean,
  id: string,
  { steps, decisions, fields }: BufferedKeys = VIEWER_KEYS,
): (later: readonly string[]) => void {
  const keys = useRef<BufferedKey[]>([])
  const isTyping = useRef(false)
  const isReplaying = useRef(false)
  const [replayed, setReplayed] = useState(0)
  const isWaiting = useRef(isComing)
  isWaiting.current = isComing
  // Registered once, before the listeners of the caller, such as that of the box editor.
  useEffect(() => {
    const hold = (event: KeyboardEvent) => {
      const { key } = event
      if (isReplaying.current || !(isWaiting.current || keys.current.length > 0)) return
      const isText = isTyping.current
      // A field that a buffered key opened can have the focus before it has the buffered text.
      if (!isKeyForPage(event) && !(isText && findField() === event.target && isPlain(event)))
        return
      if (!isText && !(steps.has(key) || decisions.has(key) || fields.has(key))) return
      // Enter on a button presses it, such as the button that requests a failed page again.
      const from = event.target
      const isOnButton = from instanceof HTMLElement && from.closest("button, a") !== null
      if (key === "Enter" && isOnButton && !isText) return
      event.preventDefault()
      event.stopImmediatePropagation()
      if (event.repeat && !steps.has(key) && !isText) return
      isTyping.current = isText ? !CLOSING.has(key) : fields.has(key)
      keys.current.push({ key, isText })
    }
    window.addEventListener("keydown", hold, { capture: true })
    return () => window.removeEventListener("keydown", hold, { capture: true })
  }, [steps, decisions, fields])
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image or finding
  useEffect(() => {
    if (isFailed && keys.current.some(({ key }) => !steps.has(key)))
      showToast(outboxTexts.noImage, true)
    if (isFailed) keys.current = []
    if (isFailed || (!isComing && keys.current.length === 0)) isTyping.current = false
    if (isComing) return
    const next = keys.current.shift()
    if (next === undefined) return
    const { key, isText } = next
    const field = findField()
    isReplaying.current = true
    if (field) typeInto(field, key)
    // Text without its field is not a decision.
    else if (!isText)
      window.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }))
    isReplaying.current = false
    // The next key is about what this key opened, which the next render shows or waits for.
    setReplayed((count) => count + 1)
  }, [isComing, isFailed, id, replayed, steps])
  return useCallback((later) => {
    keys.current.unshift(...later.map((key) => ({ key, isText: false })))
    setReplayed((count) => count + 1)
  }, [])
}
