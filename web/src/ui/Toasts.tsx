/** Short confirmations of what the user just did. */
import { useSyncExternalStore } from "react"

interface Toast {
  id: number
  text: string
  bad: boolean
  action?: Action
}

/** An action offered with the message, such as undo. */
interface Action {
  label: string
  go: () => void
}

let toasts: Toast[] = []
let last = 0
const listeners = new Set<() => void>()

function set(next: Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

/** Show `text` for a few seconds, longer if it offers an action. */
export function showToast(text: string, bad = false, action?: Action): void {
  const id = ++last
  // Only the last change can be undone, so a second action replaces the first.
  const others = action ? toasts.filter((one) => !one.action) : toasts
  set([...others.slice(-2), { id, text, bad, action }])
  setTimeout(() => dismiss(id), bad || action ? 9000 : 5000)
}

const dismiss = (id: number) => set(toasts.filter((one) => one.id !== id))

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} className={one.bad ? "toast toast-bad" : "toast"}>
          <button type="button" className="toast-words" onClick={() => dismiss(one.id)}>
            {one.text}
          </button>
          {one.action && (
            <button
              type="button"
              className="toast-action"
              onClick={() => {
                dismiss(one.id)
                one.action?.go()
              }}
            >
              {one.action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  )
}
