import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, lazy, Suspense, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Deployment } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { formatDecimal, uiTexts } from "../ui/en"
import { Check, TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { ClockOffsetPreview } from "./ClockOffsetPreview"
import {
  BROWSER_ZONE,
  buildFormValues,
  getChanges,
  getZone,
  parseDeployment,
} from "./deploymentValues"
import { deploymentFormTexts as d, deploymentTexts, locationTexts, zoneTexts as z } from "./en"
import { isExact, isPlaced, SHOWN_FIELDS } from "./locationPrecision"
import { SetupFields } from "./SetupFields"
import { ZoneWarning } from "./ZoneWarning"

const PlacePicker = lazy(() =>
  import("./map/LocationPicker").then((m) => ({ default: m.LocationPicker })),
)

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")]
/** Decimal places of a position set on the map: about one metre. */
const DIGITS = 5

interface DeploymentFormProps {
  deployment?: Deployment
  /** Deployments shown on the map for orientation. Without a known position the form has no map. */
  others?: Deployment[]
  /** Called with the stored deployment, or with null if the user cancelled. */
  onDone: (deployment: Deployment | null) => void
}

export function DeploymentForm({ deployment, others = [], onDone }: DeploymentFormProps) {
  const project = useProject()
  const client = useQueryClient()
  const before = buildFormValues(deployment)
  const [form, setForm] = useState(before)
  const [redates, setRedates] = useState(deployment?.utc_assumed ?? false)
  const isRestricted = deployment !== undefined && !isExact(deployment)
  // A withheld field is disabled: sending back a rounded location would replace the exact one.
  const withhold = (key: keyof typeof form) =>
    isRestricted && !SHOWN_FIELDS[key]
      ? { disabled: true, placeholder: locationTexts.withheld }
      : {}
  const field = (key: keyof typeof form) => ({
    value: form[key],
    ...withhold(key),
    onChange: (event: { target: { value: string } }) =>
      setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const { values, errors } = parseDeployment(form, deployment)
  const { latitude, longitude, clock_offset_s: offset } = values
  const zone = getZone(form)
  const isOtherZone =
    deployment !== undefined &&
    deployment.images > 0 &&
    ZONES.includes(values.time_zone) &&
    values.time_zone !== deployment.time_zone
  const again = isOtherZone && redates
  const t = deploymentTexts
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      if (deployment) {
        const body = { ...getChanges(values, form, before), redate_images: again }
        return unwrap(
          api.PATCH("/api/v2/deployments/{deployment_id}", {
            params: { path: { deployment_id: deployment.id } },
            body,
          }),
        )
      }
      const found = typeof latitude === "number" ? null : BROWSER_ZONE
      return unwrap(
        api.POST("/api/v2/deployments", {
          body: {
            ...values,
            clock_offset_s: offset ?? 0,
            time_zone: values.time_zone || found,
            project: project.id,
          },
        }),
      )
    },
    onSuccess: async (stored) => {
      await client.invalidateQueries({ queryKey: ["deployment", project.id] })
      if (deployment) void client.invalidateQueries({ queryKey: ["image", project.id] })
      showToast(deployment ? t.changed(stored.name) : t.saved(stored.name))
      onDone(stored)
    },
  })
  const mark =
    typeof latitude === "number" && typeof longitude === "number" ? { latitude, longitude } : null
  const known = others.filter((one) => one.id !== deployment?.id && isPlaced(one))
  const bad = Object.keys(errors).length > 0
  const submit = (event: FormEvent) => {
    event.preventDefault()
    event.stopPropagation()
    if (!bad) store.mutate()
  }
  return (
    <form className="form" onSubmit={submit}>
      {deployment && <ZoneWarning deployment={deployment} inForm onDone={onDone} />}
      {isRestricted && <p className="note">{locationTexts.formNote}</p>}
      <TextField
        label={t.name}
        hint={t.nameHint}
        required
        maxLength={255}
        autoFocus
        {...field("name")}
      />
      {!isRestricted && (known.length > 0 || mark) && (
        <Suspense fallback={<div className="skeleton" style={{ height: 220 }} />}>
          <PlacePicker
            others={known}
            mark={mark}
            onPlace={(place) =>
              setForm((old) => ({
                ...old,
                latitude: formatDecimal(place.latitude, DIGITS),
                longitude: formatDecimal(place.longitude, DIGITS),
              }))
            }
          />
        </Suspense>
      )}
      <div className="form-row">
        <TextField
          label={t.latitude}
          inputMode="decimal"
          placeholder={formatDecimal(48.1372, 4)}
          hint={t.north}
          error={errors.latitude}
          {...field("latitude")}
        />
        <TextField
          label={t.longitude}
          inputMode="decimal"
          placeholder={formatDecimal(8.2265, 4)}
          hint={t.east}
          error={errors.longitude}
          {...field("longitude")}
        />
      </div>
      <TextField
        label={t.zone}
        hint={deployment ? d.zoneHint : `${d.zoneHint} ${d.zoneFound(BROWSER_ZONE)}`}
        list="time-zones"
        required={Boolean(deployment)}
        {...field("time_zone")}
      />
      <datalist id="time-zones">
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      {isOtherZone && (
        <>
          <Check
            label={z.again(deployment.images)}
            checked={redates}
            onChange={(event) => setRedates(event.target.checked)}
          />
          {!redates && <p className="hint">{z.onlyNew}</p>}
        </>
      )}
      <details className="more" open={Boolean(deployment)}>
        <summary>{uiTexts.moreSettings}</summary>
        <div className="form">
          <div className="form-row">
            <TextField label={t.camera} {...field("camera")} />
            <TextField
              label={t.clock}
              hint={t.clockHint}
              inputMode="numeric"
              error={errors.clock_offset_s}
              {...field("clock_offset_s")}
            />
          </div>
          <div className="form-row">
            <TextField
              label={d.started}
              hint={d.inZone(zone)}
              type="datetime-local"
              step={1}
              error={errors.started_at}
              {...field("started_at")}
            />
            <TextField
              label={d.ended}
              hint={d.inZone(zone)}
              type="datetime-local"
              step={1}
              error={errors.ended_at}
              {...field("ended_at")}
            />
          </div>
          <TextField
            label={d.uncertainty}
            inputMode="decimal"
            error={errors.coordinate_uncertainty_m}
            {...field("coordinate_uncertainty_m")}
          />
          {deployment && (
            <ClockOffsetPreview
              deployment={deployment}
              offset={offset}
              zone={again ? values.time_zone : undefined}
              onUndone={onDone}
            />
          )}
          <TextField label={t.habitat} {...field("habitat")} />
          <TextField label={t.notes} {...field("notes")} />
          <SetupFields
            text={form}
            errors={errors}
            zone={zone}
            withhold={withhold}
            onChange={(name, text) => setForm((old) => ({ ...old, [name]: text }))}
          />
        </div>
      </details>
      {store.error && <ErrorMessage error={store.error} />}
      <div className="dialog-actions">
        <Button onClick={() => onDone(null)}>{uiTexts.cancel}</Button>
        <Button type="submit" kind="accent" busy={store.isPending} disabled={bad}>
          {deployment ? uiTexts.save : t.go}
        </Button>
      </div>
    </form>
  )
}
