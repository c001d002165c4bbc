/** Text to be copied: a command, a token. */
import { Check, Copy } from "lucide-react"
import { useState } from "react"
import { texts } from "../en"
import { IconButton } from "./Button"

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
      <IconButton label={copied ? texts.common.copied : texts.common.copy} onClick={copy}>
        {copied ? <Check size={16} /> : <Copy size={16} />}
      </IconButton>
    </div>
  )
}
