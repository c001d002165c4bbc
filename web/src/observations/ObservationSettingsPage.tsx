/** The settings from which the observations of a project are derived, with a preview. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useRef, useState } from "react"
import { api, unwrap } from "../api/client"
import type { ObservationSettings, ObservationSettingsChange } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatImages } from "../images/en"
import { settingsTexts } from "../projects/en"
import { canManage, useProject } from "../projects/projectContext"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { formatCount } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { observationSettingsTexts as t } from "./en"
import { PreviewResult } from "./PreviewResult"
import { observationSettingsQuery, unwrapVersion, type VersionedSettings } from "./queries"
import { SettingsFields } from "./SettingsFields"
import {
  buildChange,
  buildForm,
  countsEverything,
  findRepeatedClass,
  type SettingsForm,
} from "./settingsForm"
import "./observations.css"

/** Thresholds of new projects, in percent. */
const RECOMMENDED = { detection: "20", classification: "50" }

export function ObservationSettingsPage() {
  const project = useProject()
  const client = useQueryClient()
  const { data, error, refetch } = useQuery(observationSettingsQuery(project.id))
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const isApplying = Boolean(data?.progress)
  const wasApplying = useRef(false)
  useEffect(() => {
    if (wasApplying.current && !isApplying) {
      showToast(t.applied)
      for (const key of ["image", "coloured-classes"])
        void client.invalidateQueries({ queryKey: [key, project.id] })
    }
    wasApplying.current = isApplying
  }, [isApplying, client, project.id])
  return (
    <div className="narrow wide-form">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
      </div>
      <SettingsTabs part="observations" />
      <p className="soft list-note settings-intro">{t.text}</p>
      {error && !data && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={8} />}
      {data?.progress && <BuildProgress progress={data.progress} />}
      {data && <ObservationSettingsForm settings={data} />}
    </div>
  )
}

function BuildProgress({ progress }: { progress: NonNullable<ObservationSettings["progress"]> }) {
  const { derived, images } = progress
  return (
    <div className="note build-progress" data-testid="build">
      <p role="status">{t.applying(formatCount(derived), formatImages(images))}</p>
      <div
        className="bar"
        role="progressbar"
        aria-label={t.applying(formatCount(derived), formatImages(images))}
        aria-valuemin={0}
        aria-valuemax={images}
        aria-valuenow={derived}
      >
        <span
          className="bar-done"
          style={{ width: `${images > 0 ? (100 * derived) / images : 0}%` }}
        />
      </div>
      <p className="small">{t.applyingText}</p>
    </div>
  )
}

function ObservationSettingsForm({ settings }: { settings: VersionedSettings }) {
  const project = useProject()
  const client = useQueryClient()
  const may = canManage(project)
  // While a change is applied, the form has its values.
  const values = settings.progress?.settings ?? settings
  const [edited, setEdited] = useState<SettingsForm | null>(null)
  // The version that the user edits: a change by another user is not overwritten.
  const [version, setVersion] = useState(settings.version)
  if (edited === null && version !== settings.version) setVersion(settings.version)
  const form = edited ?? buildForm(values)
  const change = buildChange(values, form)
  const isChanged = Object.keys(change).length > 0
  const repeated = findRepeatedClass(form)
  const fields = useRef<HTMLFormElement>(null)
  const result = useRef<HTMLDivElement>(null)
  const path = { project_id: project.id }
  const preview = useMutation({
    meta: { saysItself: true },
    // The server compares with the current observations, which an unfinished change differs from.
    mutationFn: (wanted: SettingsForm) =>
      unwrap(
        api.POST("/api/v2/projects/{project_id}/observation-settings/preview", {
          params: { path },
          body: buildChange(settings, wanted),
        }),
      ),
    onSuccess: () =>
      requestAnimationFrame(() => {
        result.current?.focus({ preventScroll: true })
        result.current?.scrollIntoView({ block: "nearest" })
      }),
  })
  const save = useMutation({
    meta: { saysItself: true },
    mutationFn: (wanted: ObservationSettingsChange) =>
      unwrapVersion(
        api.PATCH("/api/v2/projects/{project_id}/observation-settings", {
          params: { path },
          headers: { "If-Match": version },
          body: wanted,
        }),
      ),
    // After a conflict, the current settings are shown as soon as the changes are discarded.
    onError: () =>
      client.invalidateQueries({ queryKey: observationSettingsQuery(project.id).queryKey }),
    onSuccess: (stored) => {
      client.setQueryData(observationSettingsQuery(project.id).queryKey, stored)
      setEdited(null)
      preview.reset()
      showToast(stored.progress ? t.saved : t.unchanged)
    },
  })
  const update = (more: Partial<SettingsForm>) =>
    setEdited((old) => ({ ...(old ?? buildForm(values)), ...more }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!repeated) save.mutate(change)
  }
  const look = (wanted: SettingsForm) => {
    if (fields.current?.reportValidity() && !findRepeatedClass(wanted)) preview.mutate(wanted)
  }
  const recommend = () => {
    const wanted = { ...form, ...RECOMMENDED, combines: true }
    setEdited(wanted)
    preview.mutate(wanted)
  }
  const isOutdated =
    preview.variables !== undefined &&
    JSON.stringify(buildChange(settings, preview.variables)) !==
      JSON.stringify(buildChange(settings, form))
  return (
    <>
      {countsEverything(values) && (
        <div className="note recommendation" data-testid="recommendation">
          <p>{t.everything}</p>
          {may && (
            <Button small busy={preview.isPending} onClick={recommend}>
              {t.recommend}
            </Button>
          )}
        </div>
      )}
      {!may && <p className="note">{t.onlyManagers}</p>}
      <div className="observation-settings">
        <form ref={fields} className="form" onSubmit={submit} data-testid="observation-settings">
          <SettingsFields
            form={form}
            values={values}
            disabled={!may}
            repeated={repeated}
            onChange={update}
          />
          {save.error && <ErrorMessage error={save.error} />}
          {may && (
            <div className="actions settings-actions">
              <Button busy={preview.isPending} onClick={() => look(form)}>
                {t.preview}
              </Button>
              <Button
                type="submit"
                kind="accent"
                busy={save.isPending}
                disabled={!isChanged || repeated !== null}
              >
                {t.save}
              </Button>
              {isChanged && (
                <Button
                  kind="quiet"
                  onClick={() => {
                    setEdited(null)
                    save.reset()
                    preview.reset()
                  }}
                >
                  {t.discard}
                </Button>
              )}
            </div>
          )}
        </form>
        {may && (
          <section className="preview" aria-label={t.previewTitle}>
            <div ref={result} tabIndex={-1} data-testid="preview">
              <h2>{t.previewTitle}</h2>
              {preview.isPending ? (
                <SkeletonRows rows={4} />
              ) : preview.error ? (
                <ErrorMessage error={preview.error} retry={() => look(form)} />
              ) : preview.data ? (
                <PreviewResult preview={preview.data} isOutdated={isOutdated} />
              ) : (
                <p className="soft">{t.previewHint}</p>
              )}
            </div>
          </section>
        )}
      </div>
    </>
  )
}
