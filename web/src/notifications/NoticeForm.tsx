/** The dialog that creates an e-mail alert: event and threshold. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useId, useState } from "react"
import { api, unwrap } from "../api/client"
import type { NewNotice, Notice } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { classesQuery } from "../images/queries"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { SelectField, TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { noticeTexts } from "./en"
import { noticesQuery } from "./queries"

const KINDS = Object.keys(noticeTexts.kinds) as Notice["kind"][]
const MAX_HOURS = 2160

export function NoticeForm({ onClose }: { onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [kind, setKind] = useState<Notice["kind"]>("deployment_silent")
  const [form, setForm] = useState({ days: "3", hours: "24", name: "", sure: "50" })
  const { data: classes } = useQuery({
    ...classesQuery(project.id),
    enabled: kind === "class_seen",
  })
  const listed = useId()
  const t = noticeTexts
  const field = (key: keyof typeof form) => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) =>
      setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const ask = useMutation({
    meta: { saysItself: true },
    mutationFn: (body: NewNotice) =>
      unwrap(api.POST("/api/v2/notification-subscriptions", { body })),
    onSuccess: () => {
      showToast(t.asked)
      onClose()
      return client.invalidateQueries({ queryKey: noticesQuery(project.id).queryKey })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    ask.mutate({
      project: project.id,
      kind,
      ...(kind === "deployment_silent" && { silent_for_h: Number(form.days) * 24 }),
      ...(kind === "source_silent" && { silent_for_h: Number(form.hours) }),
      ...(kind === "class_seen" && {
        class_name: form.name.trim(),
        confidence_min: Number(form.sure) / 100,
      }),
    })
  }
  return (
    <Dialog open onClose={onClose} title={t.add}>
      <form className="form" onSubmit={submit}>
        <SelectField
          label={t.tell}
          hint={t.change}
          value={kind}
          onChange={(event) => setKind(event.target.value as Notice["kind"])}
        >
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {t.kinds[one]}
            </option>
          ))}
        </SelectField>
        {kind === "deployment_silent" && (
          <TextField
            label={t.days}
            hint={t.cameraHint}
            type="number"
            required
            min={1}
            max={MAX_HOURS / 24}
            step={1}
            {...field("days")}
          />
        )}
        {kind === "source_silent" && (
          <TextField
            label={t.hours}
            hint={t.sourceHint}
            type="number"
            required
            min={1}
            max={MAX_HOURS}
            step={1}
            {...field("hours")}
          />
        )}
        {kind === "class_seen" && (
          <>
            <TextField
              label={t.className}
              hint={t.classHint}
              required
              maxLength={255}
              pattern=".*\S.*"
              autoComplete="off"
              list={listed}
              {...field("name")}
            />
            <datalist id={listed}>
              {classes?.results.map((one) => (
                <option key={one.class_name} value={one.class_name} />
              ))}
            </datalist>
            <TextField
              label={t.sure}
              type="number"
              required
              min={0}
              max={100}
              step={1}
              {...field("sure")}
            />
          </>
        )}
        {ask.error && <ErrorMessage error={ask.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{uiTexts.cancel}</Button>
          <Button type="submit" kind="accent" busy={ask.isPending}>
            {t.go}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
