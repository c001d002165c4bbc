/** Files on their way up, a few at a time: each with its progress and its outcome, tried again, stopped and gone on with. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import type { ChosenFile } from "./dropped"
import { ApiProblem } from "../api/problems"
import { uploadFile } from "./upload"

export type Outcome = "waiting" | "sending" | "imported" | "duplicate" | "refused" | "failed"

export interface Item extends ChosenFile {
  fraction: number
  outcome: Outcome
  detail: string | null
  image: string | null
}

const AT_ONCE = 3
const PAUSES_MS = [1000, 3000]
/** So often at most the screen is drawn while bytes go. */
const DRAWN_EVERY_MS = 100

/** Whether the same may succeed a little later. */
const isPassing = (error: unknown) => error instanceof ApiProblem && [0, 429, 502, 503, 504].includes(error.status)
/** Whether an answer is about all files rather than this one. */
const isAboutAll = (error: unknown) => !(error instanceof ApiProblem) || isPassing(error) || [401, 403, 404].includes(error.status)

export function useUploads(initial: ChosenFile[], say: (error: unknown) => string, onDone: () => void) {
  const [items, setItems] = useState<Item[]>(() => initial.map(asItem))
  const [busy, setBusy] = useState(false)
  const [trouble, setTrouble] = useState<unknown>(null)
  const [, draw] = useState(0)
  const control = useRef<AbortController | null>(null)
  const drawing = useRef(0)

  const change = useCallback((item: Item, to: Partial<Item>) => {
    Object.assign(item, to)
    drawing.current ||= window.setTimeout(() => {
      drawing.current = 0
      draw((old) => old + 1)
    }, DRAWN_EVERY_MS)
  }, [])

  const add = useCallback((files: ChosenFile[]) => {
    setItems((old) => {
      const known = new Set(old.map(nameOf))
      return [...old, ...files.filter((one) => !known.has(nameOf(one))).map(asItem)]
    })
  }, [])

  const stop = useCallback(() => control.current?.abort(), [])
  useEffect(() => stop, [stop])

  const send = useCallback(
    async (to: { project: number; deployment: string }) => {
      const own = new AbortController()
      control.current = own
      setBusy(true)
      setTrouble(null)
      const queue = items.filter((item) => item.outcome === "waiting" || item.outcome === "failed")
      const one = async () => {
        for (let item = queue.shift(); item && !own.signal.aborted; item = queue.shift()) {
          const current = item
          change(current, { outcome: "sending", fraction: 0, detail: null })
          try {
            const upload = await sendPatiently(current, to, (fraction) => change(current, { fraction }), own.signal)
            const result = upload.files[0]
            change(current, { outcome: (result?.outcome ?? "imported") as Outcome, detail: result?.detail ?? null, image: result?.image_id ?? null, fraction: 1 })
          } catch (error) {
            if (own.signal.aborted) change(current, { outcome: "waiting", fraction: 0 })
            else change(current, { outcome: "failed", detail: say(error), fraction: 0 })
            if (!own.signal.aborted && isAboutAll(error)) {
              setTrouble(error)
              own.abort()
            }
          }
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, one))
      setBusy(false)
      onDone()
    },
    [items, change, say, onDone],
  )

  // Closing the tab would lose what is on its way, and what waits would be forgotten.
  useEffect(() => {
    if (!busy) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener("beforeunload", warn)
    return () => window.removeEventListener("beforeunload", warn)
  }, [busy])

  const total = useMemo(() => items.reduce((sum, item) => sum + item.file.size, 0), [items])
  const sent = items.reduce((sum, item) => sum + item.file.size * item.fraction, 0)
  return { items, busy, trouble, add, send, stop, fraction: total ? sent / total : 0 }
}

const asItem = ({ file, path }: ChosenFile): Item => ({ file, path, fraction: 0, outcome: "waiting", detail: null, image: null })
const nameOf = ({ file, path }: ChosenFile) => `${path} ${file.size} ${file.lastModified}`

async function sendPatiently(
  file: ChosenFile, to: { project: number; deployment: string }, onProgress: (fraction: number) => void, signal: AbortSignal,
) {
  for (const pause of PAUSES_MS) {
    try {
      return await uploadFile(file, to, onProgress, signal)
    } catch (error) {
      if (!isPassing(error)) throw error
      onProgress(0)
      await rest(pause, signal)
    }
  }
  return await uploadFile(file, to, onProgress, signal)
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms)
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer)
      resolve()
    })
  })
}
