/** The events of the outbox, and their listeners. */
import type { Decision } from "./decisions"

interface Listeners {
  onChange: () => void
  /** Called when the server has stored a decision. */
  onSent: (decision: Decision) => void
  onRefused: (decision: Decision) => void
  onFailed: (waiting: number) => void
  onSessionOver: () => void
  /** Called when a decision was undone before it was sent, or discarded. */
  onDropped: (key: string) => void
}

const listeners = new Set<Partial<Listeners>>()

export function subscribeToOutbox(one: Partial<Listeners>): () => void {
  listeners.add(one)
  return () => void listeners.delete(one)
}

/** Call a function of all listeners. */
export function notify<Name extends keyof Listeners>(
  name: Name,
  ...given: Parameters<Listeners[Name]>
): void {
  for (const one of listeners)
    (one[name] as ((...all: Parameters<Listeners[Name]>) => void) | undefined)?.(...given)
}
