/**
 * Uploads of several files at a time, each with progress and result; they can be retried, stopped
 * and continued.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import { ApiProblem } from "../api/problems"
import type { SelectedFile } from "./droppedFiles"
import { uploadFile } from "./uploadRequests"

export type UploadOutcome = "waiting" | "sending" | "imported" | "duplicate" | "refused" | "failed"

export interface UploadItem extends SelectedFile {
  fraction: number
  outcome: UploadOutcome
  detail: string | null
  image: string | null
}

const MAX_CONCURRENT = 3
const RETRY_DELAYS_MS = [1000, 3000]
/** Minimum time between two renders while bytes are sent. */
const RENDER_INTERVAL_MS = 100

/** Whether a later attempt may succeed. */
const isTemporary = (error: unknown) =>
  error instanceof ApiProblem && [0, 429, 502, 503, 504].includes(error.status)
/** Whether an error concerns all files and not only this one. */
const isAboutAll = (error: unknown) =>
  !(error instanceof ApiProblem) || isTemporary(error) || [401, 403, 404].includes(error.status)

export function useUploads(
  initial: SelectedFile[],
  say: (error: unknown) => string,
  onDone: () => void,
) {
  const [items, setItems] = useState<UploadItem[]>(() => initial.map(buildItem))
  const [busy, setBusy] = useState(false)
  const [trouble, setTrouble] = useState<unknown>(null)
  const [, draw] = useState(0)
  const control = useRef<AbortController | null>(null)
  const drawing = useRef(0)

  const change = useCallback((item: UploadItem, to: Partial<UploadItem>) => {
    Object.assign(item, to)
    drawing.current ||= window.setTimeout(() => {
      drawing.current = 0
      draw((old) => old + 1)
    }, RENDER_INTERVAL_MS)
  }, [])

  const add = useCallback((files: SelectedFile[]) => {
    setItems((old) => {
      const known = new Set(old.map(getFileKey))
      return [...old, ...files.filter((one) => !known.has(getFileKey(one))).map(buildItem)]
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
            const upload = await uploadWithRetry(
              current,
              to,
              (fraction) => change(current, { fraction }),
              own.signal,
            )
            const result = upload.files[0]
            change(current, {
              outcome: (result?.outcome ?? "imported") as UploadOutcome,
              detail: result?.detail ?? null,
              image: result?.image_id ?? null,
              fraction: 1,
            })
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
      await Promise.all(Array.from({ length: MAX_CONCURRENT }, one))
      setBusy(false)
      onDone()
    },
    [items, change, say, onDone],
  )

  // Closing the tab would lose the active and waiting uploads, so the browser asks first.
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

const buildItem = ({ file, path }: SelectedFile): UploadItem => ({
  file,
  path,
  fraction: 0,
  outcome: "waiting",
  detail: null,
  image: null,
})
const getFileKey = ({ file, path }: SelectedFile) => `${path} ${file.size} ${file.lastModified}`

async function uploadWithRetry(
  file: SelectedFile,
  to: { project: number; deployment: string },
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
) {
  for (const pause of RETRY_DELAYS_MS) {
    try {
      return await uploadFile(file, to, onProgress, signal)
    } catch (error) {
      if (!isTemporary(error)) throw error
      onProgress(0)
      await sleep(pause, signal)
    }
  }
  return await uploadFile(file, to, onProgress, signal)
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms)
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer)
      resolve()
    })
  })
}
