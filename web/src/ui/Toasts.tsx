/** Short confirmations of what the user just did. */
import { useSyncExternalStore } from "react"
import { sayProblem } from "../api/problems"

interface Toast {
  id: number
  text: string
  bad: boolean
}

let toasts: Toast[] = []
let last = 0
const listeners = new Set<() => void>()

function set(next: Toast[]): void {
  toasts = next
  listeners.forEach((listener) => listener())
}

/** Says `text` for a few seconds. */
export function toast(text: string, bad = false): void {
  const id = ++last
  set([...toasts.slice(-2), { id, text, bad }])
  setTimeout(() => set(toasts.filter((one) => one.id !== id)), bad ? 9000 : 5000)
}

/** Says why what the user did failed. */
export function toastProblem(error: unknown): void {
  const { what, todo } = sayProblem(error)
  toast(`${what} ${todo}`.trim(), true)
}

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
        <button
          key={one.id} type="button" className={one.bad ? "toast toast-bad" : "toast"}
          onClick={() => set(toasts.filter((other) => other.id !== one.id))}
        >
          {one.text}
        </button>
      ))}
    </div>
  )
}
