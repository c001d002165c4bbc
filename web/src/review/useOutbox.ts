/** The outbox in React: its state, its start, and its messages to the user. */
import { useQueryClient } from "@tanstack/react-query"
import { useEffect, useMemo, useSyncExternalStore } from "react"
import { callerQuery } from "../api/session"
import { showToast } from "../ui/Toasts"
import { getAction } from "./boxDecisions"
import { type Decision, listDecidedImages, type NewDecision } from "./decisions"
import { getOutbox, startOutbox } from "./outbox"
import { outboxTexts as t } from "./outbox/en"
import { subscribeToOutbox } from "./outboxEvents"

const subscribe = (onChange: () => void) => subscribeToOutbox({ onChange })

export const useOutbox = () => useSyncExternalStore(subscribe, getOutbox)

/** Return the decisions about an image, in order. */
export function useDecisions(image: string): Decision[] {
  const { decisions } = useOutbox()
  return useMemo(
    () => decisions.filter((one) => listDecidedImages(one).includes(image)),
    [decisions, image],
  )
}

/** Format a decision as text: what was decided about what. */
export function formatDecision(one: Decision | NewDecision): string {
  if (one.act === "withdraw") return `${t.withdraw}: ${one.target}`
  if (one.act === "box") return `${t.boxes[getAction(one)]}: ${one.target}`
  if (one.act === "star") return `${t.stars[one.starred ? "set" : "removed"]}: ${one.target}`
  const name = one.body.kind === "correct" ? ` ${one.label ?? ""}` : ""
  return `${t.does[one.body.kind] ?? one.body.kind}${name}: ${one.target}`
}

const REFRESH_DELAY_MS = 300

/**
 * Sends decisions while the page is open, fetches again what they changed, and reports refusals.
 */
export function OutboxSender(): null {
  const client = useQueryClient()
  useEffect(() => {
    const changed = new Map<string, number>()
    let timer: ReturnType<typeof setTimeout> | undefined
    const refresh = () => {
      timer = undefined
      const images = new Map(changed)
      changed.clear()
      for (const project of new Set(images.values())) {
        // Other prefetched images remain valid.
        const isOther = (key: readonly unknown[]) =>
          key[2] === "one" && !images.has(key[3] as string)
        void client.invalidateQueries({
          queryKey: ["image", project],
          predicate: ({ queryKey }) => !isOther(queryKey),
        })
        void client.invalidateQueries({ queryKey: ["identification", project] })
      }
    }
    const soon = (one: Decision) => {
      for (const image of listDecidedImages(one)) changed.set(image, one.project)
      timer ??= setTimeout(refresh, REFRESH_DELAY_MS)
    }
    const end = subscribeToOutbox({
      onSent: soon,
      onRefused: (one) => {
        soon(one)
        showToast(
          t.refusedToast(
            formatDecision(one),
            one.filename,
            one.refusal?.why || t.noReason(one.refusal?.status ?? 0),
          ),
          true,
        )
      },
      onFailed: () => showToast(getOutbox().trouble?.status === 0 ? t.offline : t.failed, true),
      onSessionOver: () => {
        if (client.getQueryData(callerQuery.queryKey))
          void client.resetQueries({ queryKey: callerQuery.queryKey })
      },
    })
    const stop = startOutbox()
    return () => {
      clearTimeout(timer)
      end()
      stop()
    }
  }, [client])
  return null
}
