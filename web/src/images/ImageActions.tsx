/** The actions for selected images other than identifications, and their dialogs. */
import { useQuery } from "@tanstack/react-query"
import { Clock, Package, Play, RotateCcw, Star, Tag, Trash2 } from "lucide-react"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { paths } from "../paths"
import { canManage, canReview, isOwner, useProject } from "../projects/projectContext"
import { Button, IconButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { SelectField, TextField } from "../ui/Field"
import { imageTexts, markTexts as t } from "./en"
import { parseTags, useImageUpdates } from "./imageUpdates"
import { imageTagsQuery } from "./queries"

type OpenDialog = "tag" | "time" | "remove" | null

interface ImageActionsProps {
  images: string[]
  deleted: boolean
  onRun: () => void
  onDone: () => void
}

export function ImageActions({ images, deleted, onRun, onDone }: ImageActionsProps) {
  const project = useProject()
  const [asked, setAsked] = useState<OpenDialog>(null)
  const [busy, setBusy] = useState(false)
  const [, go] = useLocation()
  const changes = useImageUpdates(project.id)
  const manage = canManage(project)
  const run = async (doing: Promise<boolean>, leave = false) => {
    setBusy(true)
    const isDone = await doing
    setBusy(false)
    if (!isDone) return
    setAsked(null)
    if (leave) onDone()
  }
  const close = () => setAsked(null)
  return (
    <>
      {deleted && isOwner(project) && (
        <Button
          small
          kind="accent"
          icon={<RotateCcw size={14} aria-hidden />}
          busy={busy}
          onClick={() => void run(changes.restore(images), true)}
        >
          {t.restore}
        </Button>
      )}
      {!deleted && canReview(project) && (
        <>
          <Button
            small
            icon={<Star size={14} aria-hidden />}
            busy={busy}
            onClick={() =>
              void run(
                changes.change(images, { starred: true }, t.done.starred, { starred: false }),
              )
            }
          >
            {t.star}
          </Button>
          <IconButton label={t.tag} onClick={() => setAsked("tag")}>
            <Tag size={18} aria-hidden />
          </IconButton>
          <IconButton label={t.time} onClick={() => setAsked("time")}>
            <Clock size={18} aria-hidden />
          </IconButton>
        </>
      )}
      {!deleted && isOwner(project) && (
        <IconButton label={t.remove} onClick={() => setAsked("remove")}>
          <Trash2 size={18} aria-hidden />
        </IconButton>
      )}
      {!deleted && manage && (
        <>
          <IconButton
            label={imageTexts.export}
            onClick={() => go(paths.newExport(project.id), { state: { unseen: { images } } })}
          >
            <Package size={18} aria-hidden />
          </IconButton>
          <IconButton label={imageTexts.run} onClick={onRun}>
            <Play size={18} aria-hidden />
          </IconButton>
        </>
      )}
      <Dialog open={asked === "tag"} onClose={close} title={t.tagTitle(images.length)}>
        <TagForm
          busy={busy}
          onGo={(add, remove) =>
            void run(
              changes.change(
                images,
                { add_tags: add, remove_tags: remove },
                add.length ? t.done.tagged : t.done.untagged,
                { add_tags: remove, remove_tags: add },
              ),
            )
          }
        />
      </Dialog>
      <Dialog open={asked === "time"} onClose={close} title={t.timeTitle(images.length)}>
        <ShiftTimeForm
          busy={busy}
          onMove={(seconds) =>
            void run(
              changes.change(images, { shift_s: seconds }, t.done.moved, { shift_s: -seconds }),
            )
          }
          onReset={() => void run(changes.change(images, { as_read: true }, t.done.moved))}
        />
      </Dialog>
      <Dialog open={asked === "remove"} onClose={close} title={t.removeTitle(images.length)}>
        <DeleteForm
          busy={busy}
          onClose={close}
          onGo={(reason) => void run(changes.remove(images, reason), true)}
        />
      </Dialog>
    </>
  )
}

export function TagForm({
  busy,
  onGo,
}: {
  busy: boolean
  onGo: (add: string[], remove: string[]) => void
}) {
  const project = useProject()
  const { data } = useQuery(imageTagsQuery(project.id))
  const [text, setText] = useState("")
  const tags = parseTags(text)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (tags.length > 0) onGo(tags, [])
  }
  return (
    <form className="form" onSubmit={submit}>
      <TextField
        label={t.tags}
        hint={t.tagHint}
        value={text}
        onChange={(event) => setText(event.target.value)}
        maxLength={500}
        autoFocus
      />
      {data && data.results.length > 0 && (
        <div className="tag-list" role="group" aria-label={t.known}>
          {data.results.slice(0, 12).map(({ tag }) => (
            <Button
              key={tag}
              small
              kind="quiet"
              onClick={() => setText([...tags.filter((one) => one !== tag), tag].join(", "))}
            >
              {tag}
            </Button>
          ))}
        </div>
      )}
      <div className="dialog-actions">
        <Button disabled={tags.length === 0} onClick={() => onGo([], tags)}>
          {t.removeTags}
        </Button>
        <Button kind="accent" type="submit" busy={busy} disabled={tags.length === 0}>
          {t.addTag}
        </Button>
      </div>
    </form>
  )
}

const UNITS = { days: 86_400, hours: 3600, minutes: 60, seconds: 1 } as const
type Unit = keyof typeof UNITS

function ShiftTimeForm({
  busy,
  onMove,
  onReset,
}: {
  busy: boolean
  onMove: (seconds: number) => void
  onReset: () => void
}) {
  const [sign, setSign] = useState("1")
  const [parts, setParts] = useState<Record<Unit, string>>({
    days: "",
    hours: "",
    minutes: "",
    seconds: "",
  })
  const seconds =
    Object.entries(UNITS).reduce(
      (sum, [unit, size]) => sum + size * Number(parts[unit as Unit] || 0),
      0,
    ) * Number(sign)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (seconds !== 0) onMove(seconds)
  }
  return (
    <form className="form" onSubmit={submit}>
      <SelectField
        label={t.direction}
        value={sign}
        onChange={(event) => setSign(event.target.value)}
      >
        <option value="1">{t.later}</option>
        <option value="-1">{t.earlier}</option>
      </SelectField>
      <div className="time-parts">
        {(Object.keys(UNITS) as Unit[]).map((unit) => (
          <TextField
            key={unit}
            label={t[unit]}
            type="number"
            min={0}
            max={100_000}
            step={1}
            value={parts[unit]}
            onChange={(event) => setParts({ ...parts, [unit]: event.target.value })}
          />
        ))}
      </div>
      <p className="soft small">{t.timeHint}</p>
      <div className="dialog-actions">
        <Button onClick={onReset} busy={busy}>
          {t.asRead}
        </Button>
        <Button
          kind="accent"
          type="submit"
          busy={busy}
          disabled={seconds === 0 || !Number.isSafeInteger(seconds)}
        >
          {t.shiftTime}
        </Button>
      </div>
    </form>
  )
}

export function DeleteForm({
  busy,
  onClose,
  onGo,
}: {
  busy: boolean
  onClose: () => void
  onGo: (reason: string) => void
}) {
  const [chosen, setChosen] = useState(t.reasons[0] ?? "")
  const [own, setOwn] = useState("")
  const reason = chosen || own.trim()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (reason) onGo(reason)
  }
  return (
    <form className="form" onSubmit={submit}>
      <p className="soft">{t.removeText}</p>
      <SelectField
        label={t.reason}
        hint={t.reasonHint}
        value={chosen}
        onChange={(event) => setChosen(event.target.value)}
      >
        {t.reasons.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
        <option value="">{t.otherReason}</option>
      </SelectField>
      {!chosen && (
        <TextField
          label={t.ownReason}
          value={own}
          maxLength={1000}
          onChange={(event) => setOwn(event.target.value)}
          autoFocus
        />
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>{uiTexts.cancel}</Button>
        <Button kind="danger" type="submit" busy={busy} disabled={!reason}>
          {t.remove}
        </Button>
      </div>
    </form>
  )
}
