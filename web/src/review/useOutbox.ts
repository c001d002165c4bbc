/** The outbox in React: its state, its start, and what people are told about it. */
import { useQueryClient } from "@tanstack/react-query"
import { useEffect, useMemo, useSyncExternalStore } from "react"
import { askCaller } from "../api/queries"
import { toast } from "../ui/Toasts"
import { outboxWords as w } from "./en.outbox"
import type { Decision } from "./decisions"
import { listen, outbox, startOutbox } from "./outbox"

const subscribe = (onChange: () => void) => listen({ onChange })

export const useOutbox = () => useSyncExternalStore(subscribe, outbox)

/** The decisions about one image, in order. */
export function useDecisions(image: string): Decision[] {
  const { decisions } = useOutbox()
  return useMemo(() => decisions.filter((one) => one.image === image), [decisions, image])
}

/** The decision as words: what was decided about what. */
export function describe(one: Decision): string {
  if (one.act === "withdraw") return `${w.withdraw}: ${one.target}`
  const name = one.body.kind === "correct" ? ` ${one.label ?? ""}` : ""
  return `${w.does[one.body.kind] ?? one.body.kind}${name}: ${one.target}`
}

const AFTER_MS = 300

/** Sends decisions while the page is open, reads again what they changed, and reports what the server refused. */
export function OutboxKeeper(): null {
  const client = useQueryClient()
  useEffect(() => {
    const changed = new Map<string, number>()
    let timer: ReturnType<typeof setTimeout> | undefined
    const refresh = () => {
      timer = undefined
      const images = new Map(changed)
      changed.clear()
      for (const project of new Set(images.values())) {
        // Other images that were fetched ahead stay fresh.
        const isOther = (key: readonly unknown[]) => key[2] === "one" && !images.has(key[3] as string)
        void client.invalidateQueries({ queryKey: ["image", project], predicate: ({ queryKey }) => !isOther(queryKey) })
        void client.invalidateQueries({ queryKey: ["identification", project] })
      }
    }
    const soon = ({ image, project }: Decision) => {
      changed.set(image, project)
      timer ??= setTimeout(refresh, AFTER_MS)
    }
    const end = listen({
      onSent: soon,
      onRefused: (one) => {
        soon(one)
        toast(w.refusedToast(describe(one), one.filename, one.refusal?.why || w.noReason(one.refusal?.status ?? 0)), true)
      },
      onFailed: () => toast(outbox().trouble?.status === 0 ? w.offline : w.failed, true),
      onSessionOver: () => {
        if (client.getQueryData(askCaller.queryKey)) void client.resetQueries({ queryKey: askCaller.queryKey })
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
