/** The dialog that starts a job, for the screens of the first chunk: it comes behind them, before it is asked for. */
import { lazy, Suspense, useEffect } from "react"
import type { RunDialogProps } from "./RunDialog"

const load = () => import("./RunDialog").then((m) => ({ default: m.RunDialog }))
const RunDialog = lazy(load)

export function LazyRunDialog({ open, ...rest }: RunDialogProps & { open: boolean }) {
  useEffect(() => {
    // Where it cannot be had now, it is asked for again when it is opened.
    load().catch(() => undefined)
  }, [])
  return open ? (
    <Suspense fallback={null}>
      <RunDialog {...rest} />
    </Suspense>
  ) : null
}
