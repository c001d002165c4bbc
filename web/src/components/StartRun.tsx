/** The dialog that starts a job, loaded when it is first asked for. */
import { lazy, Suspense } from "react"
import type { RunDialogProps } from "./RunDialog"

const RunDialog = lazy(() => import("./RunDialog").then((m) => ({ default: m.RunDialog })))

export function StartRun(props: RunDialogProps) {
  return <Suspense fallback={null}><RunDialog {...props} /></Suspense>
}
