/** The dialogs about a webhook: add one or change it, and its secret, which is shown once. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { answer, api } from "../api/client"
import type { EventType, Webhook, WebhookSecret } from "../api/types"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { webhookWords } from "./en.webhooks"
import { useProject } from "../projects/project"

const TYPES = Object.keys(webhookWords.types).filter((type) => type !== "webhook.ping") as EventType[]

/** A secret, this once. */
export function ShownSecret({ made, onClose }: { made: Pick<WebhookSecret, "secret"> & Partial<WebhookSecret>; onClose: () => void }) {
  const w = webhookWords
  return (
    <div className="form">
      <p className="note">{w.shownOnce}</p>
      <Copyable label={w.secret} text={made.secret} />
      {made.previous_until && <p className="soft">{w.both} <When at={made.previous_until} />.</p>}
      <p className="soft">{w.receiver}</p>
      <div className="dialog-actions"><Button kind="accent" onClick={onClose}>{words.common.close}</Button></div>
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
  const w = webhookWords
  const refresh = () => client.invalidateQueries({ queryKey: ["webhook", project.id] })
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: (body: Settings) => answer(api.POST("/api/v2/webhooks", { body: { ...body, project: project.id } })),
    onSuccess: refresh,
  })
  const change = useMutation({
    meta: { saysItself: true },
    mutationFn: (body: Settings) => answer(api.PATCH("/api/v2/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook?.id ?? "" } }, body })),
    onSuccess: () => {
      toast(w.saved)
      onClose()
      return refresh()
    },
  })
  const save = webhook ? change : make
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setEmpty(some && chosen.length === 0)
    if (some && chosen.length === 0) return
    save.mutate({ url: url.trim(), name: name.trim(), event_types: some ? (chosen as EventType[]) : [], analyses_of_jobs: ofJobs })
  }
  return (
    <Dialog open onClose={onClose} title={webhook ? w.edit : w.add} wide={Boolean(make.data)}>
      {make.data ? <ShownSecret made={make.data} onClose={onClose} /> : (
        <form className="form" onSubmit={submit}>
          <TextField
            label={w.url} hint={w.urlHint} type="url" required maxLength={2000} autoFocus autoComplete="off" placeholder="https://station.example/hook" value={url}
            onChange={(event) => setUrl(event.target.value)}
          />
          <TextField label={`${w.name} (${words.common.optional})`} maxLength={255} autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
          <SelectField label={w.events} value={some ? "some" : "all"} error={empty ? w.chooseOne : undefined} onChange={(event) => setSome(event.target.value === "some")}>
            <option value="all">{w.everything}</option>
            <option value="some">{w.chosen}</option>
          </SelectField>
          {some && (
            <div className="webhook-types">
              {TYPES.map((type) => (
                <Check
                  key={type} label={w.types[type]} checked={chosen.includes(type)}
                  onChange={(event) => setChosen((old) => (event.target.checked ? [...old, type] : old.filter((one) => one !== type)))}
                />
              ))}
            </div>
          )}
          {(!some || chosen.some((type) => type.startsWith("analysis."))) && (
            <div>
              <Check label={w.ofJobs} checked={ofJobs} onChange={(event) => setOfJobs(event.target.checked)} />
              <p className="hint">{w.ofJobsHint}</p>
            </div>
          )}
          {save.error && <Trouble error={save.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{words.common.cancel}</Button>
            <Button type="submit" kind="accent" busy={save.isPending}>{webhook ? w.save : w.go}</Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
