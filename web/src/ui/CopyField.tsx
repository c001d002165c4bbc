/** Text with a button that copies it, such as a command or a token. */
import { Check, Copy } from "lucide-react"
import { useState } from "react"
import { IconButton } from "./Button"
import { uiTexts } from "./en"

export function CopyField({ text, label }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false)
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(() => {
      setCopied(true)
      setTimeout(() => setCopied(false), 2000)
    })
  }
  return (
    <div className="copyable">
      {label && <span className="copyable-label">{label}</span>}
      <code tabIndex={0}>{text}</code>
      <IconButton label={copied ? uiTexts.copied : uiTexts.copy} onClick={copy}>
        {copied ? <Check size={16} /> : <Copy size={16} />}
      </IconButton>
    </div>
  )
}
