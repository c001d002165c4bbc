/** The dialog that asks for a notice: of what, and from when on. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useId, useState } from "react"
import { answer, api } from "../api/client"
import { askClasses } from "../images/queries"
import { askNotices } from "../api/queries"
import type { NewNotice, Notice } from "../api/types"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { SelectField, TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { noticeWords } from "./en"
import { useProject } from "../projects/project"

const KINDS = Object.keys(noticeWords.kinds) as Notice["kind"][]
const MOST_HOURS = 2160

export function NoticeForm({ onClose }: { onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [kind, setKind] = useState<Notice["kind"]>("deployment_silent")
  const [form, setForm] = useState({ days: "3", hours: "24", name: "", sure: "50" })
  const { data: classes } = useQuery({ ...askClasses(project.id), enabled: kind === "class_seen" })
  const listed = useId()
  const w = noticeWords
  const field = (key: keyof typeof form) => ({
    value: form[key], onChange: (event: { target: { value: string } }) => setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const ask = useMutation({
    meta: { saysItself: true },
    mutationFn: (body: NewNotice) => answer(api.POST("/api/v2/notices", { body })),
    onSuccess: () => {
      toast(w.asked)
      onClose()
      return client.invalidateQueries({ queryKey: askNotices(project.id).queryKey })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    ask.mutate({
      project: project.id, kind,
      ...(kind === "deployment_silent" && { silent_for_h: Number(form.days) * 24 }),
      ...(kind === "source_silent" && { silent_for_h: Number(form.hours) }),
      ...(kind === "class_seen" && { class_name: form.name.trim(), confidence_min: Number(form.sure) / 100 }),
    })
  }
  return (
    <Dialog open onClose={onClose} title={w.add}>
      <form className="form" onSubmit={submit}>
        <SelectField label={w.tell} hint={w.change} value={kind} onChange={(event) => setKind(event.target.value as Notice["kind"])}>
          {KINDS.map((one) => <option key={one} value={one}>{w.kinds[one]}</option>)}
        </SelectField>
        {kind === "deployment_silent" && <TextField label={w.days} hint={w.cameraHint} type="number" required min={1} max={MOST_HOURS / 24} step={1} {...field("days")} />}
        {kind === "source_silent" && <TextField label={w.hours} hint={w.sourceHint} type="number" required min={1} max={MOST_HOURS} step={1} {...field("hours")} />}
        {kind === "class_seen" && (
          <>
            <TextField label={w.className} hint={w.classHint} required maxLength={255} pattern=".*\S.*" autoComplete="off" list={listed} {...field("name")} />
            <datalist id={listed}>{classes?.results.map((one) => <option key={one.class_name} value={one.class_name} />)}</datalist>
            <TextField label={w.sure} type="number" required min={0} max={100} step={1} {...field("sure")} />
          </>
        )}
        {ask.error && <Trouble error={ask.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{words.common.cancel}</Button>
          <Button type="submit" kind="accent" busy={ask.isPending}>{w.go}</Button>
        </div>
      </form>
    </Dialog>
  )
}
