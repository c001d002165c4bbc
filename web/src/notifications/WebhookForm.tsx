/** The dialogs of a webhook: create, edit, and its secret, which is shown once. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { api, unwrap } from "../api/client"
import type { EventType, Webhook, WebhookSecret } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { CopyField } from "../ui/CopyField"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { Check, SelectField, TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { webhookTexts } from "./en"
import { EVENT_TYPES } from "./eventTypes"

/** A new secret, which is shown once. */
export function CreatedSecret({
  made,
  onClose,
}: {
  made: Pick<WebhookSecret, "secret"> & Partial<WebhookSecret>
  onClose: () => void
}) {
  const t = webhookTexts
  return (
    <div className="form">
      <p className="note">{t.shownOnce}</p>
      <CopyField label={t.secret} text={made.secret} />
      {made.previous_until && (
        <p className="soft">
          {t.both} <Timestamp at={made.previous_until} />.
        </p>
      )}
      <p className="soft">{t.receiver}</p>
      <div className="dialog-actions">
        <Button kind="accent" onClick={onClose}>
          {uiTexts.close}
        </Button>
      </div>
    </div>
  )
}

interface Settings {
  url: string
  name: string
  event_types: EventType[]
  analyses_of_jobs: boolean
}

export function WebhookForm({ webhook, onClose }: { webhook?: Webhook; onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [url, setUrl] = useState(webhook?.url ?? "")
  const [name, setName] = useState(webhook?.name ?? "")
  const [chosen, setChosen] = useState(webhook?.event_types ?? [])
  const [some, setSome] = useState(chosen.length > 0)
  const [ofJobs, setOfJobs] = useState(webhook?.analyses_of_jobs ?? false)
  const [empty, setEmpty] = useState(false)
  const t = webhookTexts
  const refresh = () => client.invalidateQueries({ queryKey: ["webhook", project.id] })
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: (body: Settings) =>
      unwrap(api.POST("/api/v2/webhooks", { body: { ...body, project: project.id } })),
    onSuccess: refresh,
  })
  const change = useMutation({
    meta: { saysItself: true },
    mutationFn: (body: Settings) =>
      unwrap(
        api.PATCH("/api/v2/webhooks/{webhook_id}", {
          params: { path: { webhook_id: webhook?.id ?? "" } },
          body,
        }),
      ),
    onSuccess: () => {
      showToast(t.saved)
      onClose()
      return refresh()
    },
  })
  const save = webhook ? change : make
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setEmpty(some && chosen.length === 0)
    if (some && chosen.length === 0) return
    save.mutate({
      url: url.trim(),
      name: name.trim(),
      event_types: some ? (chosen as EventType[]) : [],
      analyses_of_jobs: ofJobs,
    })
  }
  return (
    <Dialog open onClose={onClose} title={webhook ? t.edit : t.add} wide={Boolean(make.data)}>
      {make.data ? (
        <CreatedSecret made={make.data} onClose={onClose} />
      ) : (
        <form className="form" onSubmit={submit}>
          <TextField
            label={t.url}
            hint={t.urlHint}
            type="url"
            required
            maxLength={2000}
            autoFocus
            autoComplete="off"
            placeholder="https://station.example/hook"
            value={url}
            onChange={(event) => setUrl(event.target.value)}
          />
          <TextField
            label={`${t.name} (${uiTexts.optional})`}
            maxLength={255}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <SelectField
            label={t.events}
            value={some ? "some" : "all"}
            error={empty ? t.chooseOne : undefined}
            onChange={(event) => setSome(event.target.value === "some")}
          >
            <option value="all">{t.everything}</option>
            <option value="some">{t.chosen}</option>
          </SelectField>
          {some && (
            <div className="webhook-types">
              {EVENT_TYPES.map((type) => (
                <Check
                  key={type}
                  label={t.types[type]}
                  checked={chosen.includes(type)}
                  onChange={(event) =>
                    setChosen((old) =>
                      event.target.checked ? [...old, type] : old.filter((one) => one !== type),
                    )
                  }
                />
              ))}
            </div>
          )}
          {(!some || chosen.some((type) => type.startsWith("analysis."))) && (
            <div>
              <Check
                label={t.ofJobs}
                checked={ofJobs}
                onChange={(event) => setOfJobs(event.target.checked)}
              />
              <p className="hint">{t.ofJobsHint}</p>
            </div>
          )}
          {save.error && <ErrorMessage error={save.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{uiTexts.cancel}</Button>
            <Button type="submit" kind="accent" busy={save.isPending}>
              {webhook ? t.save : t.go}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
