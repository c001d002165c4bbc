/** Buttons that split a sequence before an image, and merge it with the previous one. */
import { Merge, Split } from "lucide-react"
import type { Image } from "../api/types"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { sequenceChangeTexts as t } from "./en"
import { useSequenceChanges } from "./sequenceChanges"

interface SequenceActionsProps {
  image: Image
  /** Whether the image is the first of its sequence, so that nothing can be split before it. */
  isFirst?: boolean
}

export function SequenceActions({ image, isFirst = false }: SequenceActionsProps) {
  const project = useProject()
  const { busy, split, merge } = useSequenceChanges(project.id)
  return (
    <span className="sequence-actions" role="group" aria-label={t.actions}>
      <Button small kind="quiet" disabled={busy || isFirst} onClick={() => void split(image)}>
        <Split size={16} aria-hidden />
        {t.split}
      </Button>
      <Button small kind="quiet" disabled={busy} onClick={() => void merge(image)}>
        <Merge size={16} aria-hidden />
        {t.merge}
      </Button>
    </span>
  )
}
