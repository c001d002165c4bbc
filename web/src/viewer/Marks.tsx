/** What people noted on an image: its star, its tags, its capture time; and that it is deleted. */
import { Star, X } from "lucide-react"
import { type FormEvent, useState } from "react"
import { Link } from "wouter"
import type { ImageDetail } from "../api/types"
import { TagForm } from "../images/ImageActions"
import { useImageChanges } from "../images/imageChanges"
import { isOwner, mayReview, useProject } from "../projects/project"
import { paths, withSearch } from "../paths"
import { Button, IconButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { fromLocal, toLocal } from "../ui/localTime"
import { exact, When } from "../ui/time"
import { markWords as w } from "../images/en"

export function Gone({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { restore } = useImageChanges(project.id)
  const [busy, setBusy] = useState(false)
  if (!image.deleted) return null
  const bring = async () => {
    setBusy(true)
    await restore([image.id])
    setBusy(false)
  }
  return (
    <section className="gone" role="status">
      <p><strong>{w.isDeleted}</strong> {w.deletedBecause(image.deleted.reason ?? "", image.deleted.by)}</p>
      <p className="soft small">{w.goneAt} <When at={image.deleted.gone_at} /></p>
      {isOwner(project) && <Button small kind="accent" busy={busy} onClick={() => void bring()}>{w.restore}</Button>}
    </section>
  )
}

function StarButton({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { change } = useImageChanges(project.id)
  const flip = () => void change([image.id], { starred: !image.starred }, image.starred ? w.done.unstarred : w.done.starred)
  return (
    <IconButton label={image.starred ? w.unstar : w.star} aria-pressed={image.starred} onClick={flip}>
      <Star size={17} fill={image.starred ? "currentColor" : "none"} />
    </IconButton>
  )
}

export function TagsOf({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { change } = useImageChanges(project.id)
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const may = mayReview(project) && !image.deleted
  const put = async (add: string[], remove: string[]) => {
    setBusy(true)
    const isDone = await change([image.id], { add_tags: add, remove_tags: remove }, add.length ? w.done.tagged : w.done.untagged, { add_tags: remove, remove_tags: add })
    setBusy(false)
    if (isDone) setOpen(false)
  }
  return (
    <div className="tag-list">
      {may && <StarButton image={image} />}
      {(image.tags ?? []).map((tag) => (
        <span key={tag} className="tag-word">
          <Link href={withSearch(paths.images(project.id), { tag })}>{tag}</Link>
          {may && <button type="button" aria-label={w.removeTag(tag)} title={w.removeTag(tag)} onClick={() => void put([], [tag])}><X size={12} /></button>}
        </span>
      ))}
      {image.tags?.length === 0 && !may && <span className="faint">{w.noTags}</span>}
      {may && <Button small kind="quiet" onClick={() => setOpen(true)}>{w.tag}</Button>}
      <Dialog open={open} onClose={() => setOpen(false)} title={w.tagTitle(1)}><TagForm busy={busy} onGo={(add, remove) => void put(add, remove)} /></Dialog>
    </div>
  )
}

export function TimeOf({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { change } = useImageChanges(project.id)
  const [text, setText] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const at = text === null ? null : fromLocal(text, image.time_zone)
  const send = async (changes: { captured_at: string } | { as_read: true }) => {
    setBusy(true)
    const isDone = await change([image.id], changes, w.done.moved, { captured_at: image.captured_at })
    setBusy(false)
    if (isDone) setText(null)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (at) void send({ captured_at: at })
  }
  return (
    <>
      {image.read_at && <div className="soft small">{w.wasRead(exact(image.read_at, image.time_zone))}</div>}
      {mayReview(project) && !image.deleted && (
        <Button small kind="quiet" onClick={() => setText(toLocal(image.captured_at, image.time_zone))}>{w.editTime}</Button>
      )}
      <Dialog open={text !== null} onClose={() => setText(null)} title={w.editTitle}>
        <form className="form" onSubmit={submit}>
          <TextField label={w.editLabel(image.time_zone)} hint={w.timeHint} type="datetime-local" step={1} value={text ?? ""} onChange={(event) => setText(event.target.value)} />
          <div className="dialog-actions">
            {image.read_at && <Button busy={busy} onClick={() => void send({ as_read: true })}>{w.asRead}</Button>}
            <Button kind="accent" type="submit" busy={busy} disabled={!at}>{w.save}</Button>
          </div>
        </form>
      </Dialog>
    </>
  )
}
