/** Star, tags and capture time of an image, which users can change; and whether it is deleted. */
import { Star, X } from "lucide-react"
import { type FormEvent, useState } from "react"
import { Link } from "wouter"
import type { ImageDetail } from "../api/types"
import { markTexts as t } from "../images/en"
import { TagForm } from "../images/ImageActions"
import { useImageUpdates } from "../images/imageUpdates"
import { paths, withSearch } from "../paths"
import { canReview, isOwner, useProject } from "../projects/projectContext"
import { Button, IconButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { fromLocal, toLocal } from "../ui/localTime"
import { formatExact, Timestamp } from "../ui/time"

export function DeletedBanner({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { restore } = useImageUpdates(project.id)
  const [busy, setBusy] = useState(false)
  if (!image.deleted) return null
  const bring = async () => {
    setBusy(true)
    await restore([image.id])
    setBusy(false)
  }
  return (
    <section className="deleted-notice" role="status">
      <p>
        <strong>{t.isDeleted}</strong>{" "}
        {t.deletedBecause(image.deleted.reason ?? "", image.deleted.by)}
      </p>
      <p className="soft small">
        {t.deletionTime} <Timestamp at={image.deleted.purge_at} />
      </p>
      {isOwner(project) && (
        <Button small kind="accent" busy={busy} onClick={() => void bring()}>
          {t.restore}
        </Button>
      )}
    </section>
  )
}

function StarButton({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { change } = useImageUpdates(project.id)
  const flip = () =>
    void change(
      [image.id],
      { starred: !image.starred },
      image.starred ? t.done.unstarred : t.done.starred,
    )
  return (
    <IconButton
      label={image.starred ? t.unstar : t.star}
      aria-pressed={image.starred}
      onClick={flip}
    >
      <Star size={17} fill={image.starred ? "currentColor" : "none"} />
    </IconButton>
  )
}

export function ImageTags({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { change } = useImageUpdates(project.id)
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const may = canReview(project) && !image.deleted
  const put = async (add: string[], remove: string[]) => {
    setBusy(true)
    const isDone = await change(
      [image.id],
      { add_tags: add, remove_tags: remove },
      add.length ? t.done.tagged : t.done.untagged,
      { add_tags: remove, remove_tags: add },
    )
    setBusy(false)
    if (isDone) setOpen(false)
  }
  return (
    <div className="tag-list">
      {may && <StarButton image={image} />}
      {(image.tags ?? []).map((tag) => (
        <span key={tag} className="tag-word">
          <Link href={withSearch(paths.images(project.id), { tag })}>{tag}</Link>
          {may && (
            <button
              type="button"
              aria-label={t.removeTag(tag)}
              title={t.removeTag(tag)}
              onClick={() => void put([], [tag])}
            >
              <X size={12} />
            </button>
          )}
        </span>
      ))}
      {image.tags?.length === 0 && !may && <span className="faint">{t.noTags}</span>}
      {may && (
        <Button small kind="quiet" onClick={() => setOpen(true)}>
          {t.tag}
        </Button>
      )}
      <Dialog open={open} onClose={() => setOpen(false)} title={t.tagTitle(1)}>
        <TagForm busy={busy} onGo={(add, remove) => void put(add, remove)} />
      </Dialog>
    </div>
  )
}

export function CaptureTime({ image }: { image: ImageDetail }) {
  const project = useProject()
  const { change } = useImageUpdates(project.id)
  const [text, setText] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const at = text === null ? null : fromLocal(text, image.time_zone)
  const send = async (changes: { captured_at: string } | { as_read: true }) => {
    setBusy(true)
    const isDone = await change([image.id], changes, t.done.moved, {
      captured_at: image.captured_at,
    })
    setBusy(false)
    if (isDone) setText(null)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (at) void send({ captured_at: at })
  }
  return (
    <>
      {image.read_at && (
        <div className="soft small">{t.wasRead(formatExact(image.read_at, image.time_zone))}</div>
      )}
      {canReview(project) && !image.deleted && (
        <Button
          small
          kind="quiet"
          onClick={() => setText(toLocal(image.captured_at, image.time_zone))}
        >
          {t.editTime}
        </Button>
      )}
      <Dialog open={text !== null} onClose={() => setText(null)} title={t.editTitle}>
        <form className="form" onSubmit={submit}>
          <TextField
            label={t.editLabel(image.time_zone)}
            hint={t.timeHint}
            type="datetime-local"
            step={1}
            value={text ?? ""}
            onChange={(event) => setText(event.target.value)}
          />
          <div className="dialog-actions">
            {image.read_at && (
              <Button busy={busy} onClick={() => void send({ as_read: true })}>
                {t.asRead}
              </Button>
            )}
            <Button kind="accent" type="submit" busy={busy} disabled={!at}>
              {t.save}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  )
}
