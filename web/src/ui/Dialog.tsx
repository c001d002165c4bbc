/** A dialog over the page, and the question "are you sure?". */
import * as Ariakit from "@ariakit/react"
import { X } from "lucide-react"
import type { ReactNode } from "react"
import { words } from "../words/en"
import { Button } from "./Button"

interface DialogProps {
  open: boolean
  onClose: () => void
  title: string
  wide?: boolean
  children: ReactNode
}

export function Dialog({ open, onClose, title, wide, children }: DialogProps) {
  return (
    <Ariakit.Dialog
      open={open} onClose={onClose} unmountOnHide
      backdrop={<div className="backdrop" />} className={wide ? "dialog dialog-wide" : "dialog"}
    >
      <header className="dialog-head">
        <Ariakit.DialogHeading className="dialog-title">{title}</Ariakit.DialogHeading>
        <Ariakit.DialogDismiss className="icon-button" aria-label={words.common.close}>
          <X size={18} />
        </Ariakit.DialogDismiss>
      </header>
      {children}
    </Ariakit.Dialog>
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
        <Button onClick={onClose}>{keep ?? words.common.cancel}</Button>
        <Button kind="danger" busy={busy} onClick={onGo}>{go}</Button>
      </div>
    </Dialog>
  )
}
