/** The dialogs of callback keys: create, and replace by a second one. A secret is shown once. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useId, useState } from "react"
import { api, unwrap } from "../api/client"
import type { CallbackKey, CallbackKeyMade } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { isOwner, useProject } from "../projects/projectContext"
import { projectsQuery } from "../projects/queries"
import { servicesQuery } from "../queue/queries"
import { Button } from "../ui/Button"
import { CopyField } from "../ui/CopyField"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { Check, TextField } from "../ui/Field"
import { integrationTexts } from "./en"
import "./external.css"

interface NewKey {
  service: string
  name: string
  projects: number[]
}

function useCreateKey() {
  const client = useQueryClient()
  return useMutation({
    meta: { saysItself: true },
    mutationFn: (body: NewKey) => unwrap(api.POST("/api/v2/callback_keys", { body })),
    // A new key can create a service, which is also in the list of workers.
    onSuccess: () =>
      Promise.all(
        ["callback_key", "worker"].map((kind) => client.invalidateQueries({ queryKey: [kind] })),
      ),
  })
}

/** Return the projects in which the user can create keys, with the current one first. */
function useOwnedProjects() {
  const project = useProject()
  const { data } = useQuery(projectsQuery)
  return [
    project,
    ...(data?.results ?? []).filter(
      (one) => one.id !== project.id && isOwner(one) && !one.archived_at,
    ),
  ]
}

/** The secret of a new key, which is shown once, and the environment variables of a pipeline. */
function CreatedKey({
  made,
  children,
  onClose,
}: {
  made: CallbackKeyMade
  children?: string
  onClose: () => void
}) {
  const t = integrationTexts
  const lines = [
    `API_BASE_URL=${window.location.origin}`,
    `CALLBACK_KEY_ID=${made.key_id}`,
    `CALLBACK_KEY_SECRET=${made.secret}`,
  ]
  return (
    <div className="form">
      <p className="note">{t.shownOnce}</p>
      <CopyField label={t.secret} text={made.secret} />
      <CopyField label={t.environment} text={lines.join("\n")} />
      {children && <p className="note note-good">{children}</p>}
      <div className="dialog-actions">
        <Button kind="accent" onClick={onClose}>
          {uiTexts.close}
        </Button>
      </div>
    </div>
  )
}

export function CreateKeyDialog({ onClose }: { onClose: () => void }) {
  const project = useProject()
  const owned = useOwnedProjects()
  const { data: services } = useQuery(servicesQuery(project.id))
  const [service, setService] = useState("")
  const [name, setName] = useState("")
  const [chosen, setChosen] = useState<number[]>([project.id])
  const listed = useId()
  const make = useCreateKey()
  const t = integrationTexts
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate({ service: service.trim(), name: name.trim(), projects: chosen })
  }
  return (
    <Dialog open onClose={onClose} title={t.makeTitle} wide={Boolean(make.data)}>
      {make.data ? (
        <CreatedKey made={make.data} onClose={onClose} />
      ) : (
        <form className="form" onSubmit={submit}>
          <TextField
            label={t.service}
            hint={t.serviceHint}
            required
            maxLength={255}
            pattern=".*\S.*"
            autoFocus
            autoComplete="off"
            list={listed}
            value={service}
            onChange={(event) => setService(event.target.value)}
          />
          <datalist id={listed}>
            {services?.results.map((one) => (
              <option key={one.id} value={one.name} />
            ))}
          </datalist>
          <TextField
            label={`${t.name} (${uiTexts.optional})`}
            hint={t.nameHint}
            maxLength={255}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          {owned.length > 1 && (
            <details className="more">
              <summary>{t.alsoFor(chosen.length - 1)}</summary>
              <div className="key-projects">
                {owned.slice(1).map((one) => (
                  <Check
                    key={one.id}
                    label={one.name}
                    checked={chosen.includes(one.id)}
                    onChange={(event) =>
                      setChosen((old) =>
                        event.target.checked ? [...old, one.id] : old.filter((id) => id !== one.id),
                      )
                    }
                  />
                ))}
              </div>
            </details>
          )}
          {make.error && <ErrorMessage error={make.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{uiTexts.cancel}</Button>
            <Button type="submit" kind="accent" busy={make.isPending}>
              {t.makeGo}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}

export function RotateKeyDialog({
  old,
  nameOf,
  onClose,
}: {
  old: CallbackKey
  nameOf: (project: number) => string
  onClose: () => void
}) {
  const owned = new Set(useOwnedProjects().map((one) => one.id))
  const make = useCreateKey()
  const t = integrationTexts
  const left = old.projects.filter((id) => !owned.has(id))
  const submit = () =>
    make.mutate({
      service: old.service,
      name: old.name,
      projects: old.projects.filter((id) => owned.has(id)),
    })
  return (
    <Dialog
      open
      onClose={onClose}
      title={t.rotateTitle(old.name || old.key_id)}
      wide={Boolean(make.data)}
    >
      {make.data ? (
        <CreatedKey made={make.data} onClose={onClose}>
          {t.rotated(old.key_id)}
        </CreatedKey>
      ) : (
        <div className="form">
          <ol className="key-steps">
            {t.rotateSteps(old.service, old.key_id).map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
          {left.length > 0 && <p className="note">{t.rotateLeft(left.map(nameOf))}</p>}
          {make.error && <ErrorMessage error={make.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{uiTexts.cancel}</Button>
            <Button kind="accent" busy={make.isPending} onClick={submit}>
              {t.rotateGo}
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  )
}
