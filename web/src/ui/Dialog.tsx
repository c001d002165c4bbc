/** A modal dialog, and a dialog that asks for confirmation. */
import { lazy, Suspense, useState } from "react"
import { Button } from "./Button"
import type { DialogProps } from "./DialogBox"
import { uiTexts } from "./en"

const DialogBox = lazy(() => import("./DialogBox").then((m) => ({ default: m.DialogBox })))

/** Takes the focus when it opens, and returns it when it closes. */
export function Dialog(props: DialogProps) {
  const [used, setUsed] = useState(props.open)
  if (props.open && !used) setUsed(true)
  if (!used) return null
  return (
    <Suspense fallback={null}>
      <DialogBox {...props} />
    </Suspense>
  )
}

interface ConfirmProps {
  open: boolean
  onClose: () => void
  title: string
  text: string
  go: string
  keep?: string
  busy?: boolean
  onGo: () => void
}

export function Confirm({ open, onClose, title, text, go, keep, busy, onGo }: ConfirmProps) {
  return (
    <Dialog open={open} onClose={onClose} title={title}>
      <p className="soft">{text}</p>
      <div className="dialog-actions">
        <Button onClick={onClose}>{keep ?? uiTexts.cancel}</Button>
        <Button kind="danger" busy={busy} onClick={onGo}>
          {go}
        </Button>
      </div>
    </Dialog>
  )
}
