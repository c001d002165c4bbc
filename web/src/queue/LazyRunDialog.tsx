/** The dialog that starts a job, loaded after the first content of a screen. */
import { lazy, Suspense, useEffect } from "react"
import type { RunDialogProps } from "./RunDialog"

const load = () => import("./RunDialog").then((m) => ({ default: m.RunDialog }))
const RunDialog = lazy(load)

export function LazyRunDialog({ open, ...rest }: RunDialogProps & { open: boolean }) {
  useEffect(() => {
    // If this fails, the code is loaded again when the dialog opens.
    load().catch(() => undefined)
  }, [])
  return open ? (
    <Suspense fallback={null}>
      <RunDialog {...rest} />
    </Suspense>
  ) : null
}
