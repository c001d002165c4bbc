/**
 * The event stream of a tab. An event names what changed, and the queries about it are fetched
 * again.
 */
import { type QueryClient, useQueryClient } from "@tanstack/react-query"
import { useEffect, useState } from "react"
import type { Change } from "./types"

const DELAY_MS: Record<string, number> = {
  job: 250,
  image: 1500,
  source: 250,
  worker: 1000,
  identification: 500,
}
const POLL_INTERVAL_MS = 5_000

/**
 * Called with the kind of each event. Screens with paged lists use it to offer a reload, so that
 * rows do not move while a user reads them.
 */
const listeners = new Set<(kind: string) => void>()

export function useChangeEvents(listener: (kind: string) => void): void {
  useEffect(() => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [listener])
}

function refresh(client: QueryClient, project: number, kind: string): void {
  for (const listener of listeners) listener(kind)
  void client.invalidateQueries({
    queryKey: [kind, project],
    predicate: (query) => !(kind === "image" && query.queryKey[2] === "list"),
  })
  // Images, their observations and all counts follow from identifications.
  if (kind !== "identification") return
  for (const part of ["one", "annotations", "observations", "groups", "classes", "summary"])
    void client.invalidateQueries({ queryKey: ["image", project, part] })
}

/** Follow the events of a project while the tab is visible. Returns whether the stream is open. */
export function useChangeStream(project: number): boolean {
  const client = useQueryClient()
  const [open, setOpen] = useState(false)
  useEffect(() => {
    let stream: EventSource | null = null
    let fallback: ReturnType<typeof setInterval> | undefined
    let lost = false
    const waiting = new Map<string, ReturnType<typeof setTimeout>>()
    const soon = (kind: string) => {
      if (waiting.has(kind)) return
      const timer = setTimeout(() => {
        waiting.delete(kind)
        refresh(client, project, kind)
      }, DELAY_MS[kind] ?? 500)
      waiting.set(kind, timer)
    }
    const everything = () => Object.keys(DELAY_MS).forEach(soon)
    const start = () => {
      if (stream || document.hidden) return
      stream = new EventSource(`/api/v2/events?project=${project}`)
      stream.onopen = () => {
        setOpen(true)
        clearInterval(fallback)
        if (lost) everything()
        lost = false
      }
      stream.onmessage = (event: MessageEvent<string>) =>
        soon((JSON.parse(event.data) as Change).kind)
      stream.onerror = () => {
        lost = true
        setOpen(false)
        clearInterval(fallback)
        // EventSource does not reconnect after an HTTP error such as 503 or 429.
        const isRefused = stream?.readyState === EventSource.CLOSED
        if (isRefused) stream = null
        fallback = setInterval(() => {
          everything()
          if (isRefused) start()
        }, POLL_INTERVAL_MS)
      }
    }
    const stop = () => {
      stream?.close()
      stream = null
      clearInterval(fallback)
      setOpen(false)
    }
    const onVisibility = () => {
      if (document.hidden) return stop()
      start()
      everything()
    }
    start()
    document.addEventListener("visibilitychange", onVisibility)
    return () => {
      document.removeEventListener("visibilitychange", onVisibility)
      stop()
      for (const timer of waiting.values()) clearTimeout(timer)
    }
  }, [client, project])
  return open
}
