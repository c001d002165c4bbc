/** The content of Dialog, in a separate chunk that loads after the first content. */
import * as Ariakit from "@ariakit/react"
import { X } from "lucide-react"
import type { ReactNode } from "react"
import { uiTexts } from "./en"
// The first content does not need it: this module is loaded after it.
import "./print.css"

export interface DialogProps {
  open: boolean
  onClose: () => void
  title: string
  wide?: boolean
  children: ReactNode
}

export function DialogBox({ open, onClose, title, wide, children }: DialogProps) {
  return (
    <Ariakit.Dialog
      open={open}
      onClose={onClose}
      unmountOnHide
      backdrop={<div className="backdrop" />}
      className={wide ? "dialog dialog-wide" : "dialog"}
    >
      <Ariakit.DialogHeading className="dialog-title">{title}</Ariakit.DialogHeading>
      {children}
      {/* The close button is last, so that the first field has the focus at first. */}
      <Ariakit.DialogDismiss className="icon-button dialog-close" aria-label={uiTexts.close}>
        <X size={18} />
      </Ariakit.DialogDismiss>
    </Ariakit.Dialog>
  )
}
