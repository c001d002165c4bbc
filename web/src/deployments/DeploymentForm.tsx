/** Makes or changes a deployment. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, lazy, Suspense, useState } from "react"
import { answer, api } from "../api/client"
import type { Deployment } from "../api/types"
import { Button } from "../ui/Button"
import { Check, TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { deploymentWords as d } from "./en"
import { zoneWords as z } from "../catalogue/en.sequences"
import { ClockEffect } from "./ClockEffect"
import { changesOf, HERE, readDeployment, textOf, zoneOf } from "./deploymentValues"
import { useProject } from "../projects/project"
import { ZoneWarning } from "./ZoneWarning"

const PlacePicker = lazy(() => import("./map/PlacePicker").then((m) => ({ default: m.PlacePicker })))

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")]
/** Digits of a degree that a press on the map is kept with: about a metre. */
const DIGITS = 5

interface DeploymentFormProps {
  deployment?: Deployment
  /** Deployments to go by on the map; without any whose position is known there is no map to press. */
  others?: Deployment[]
  /** Hears what was stored, or null where the person gave up. */
  onDone: (deployment: Deployment | null) => void
}

export function DeploymentForm({ deployment, others = [], onDone }: DeploymentFormProps) {
  const project = useProject()
  const client = useQueryClient()
  const before = textOf(deployment)
  const [form, setForm] = useState(before)
  const [redates, setRedates] = useState(deployment?.utc_assumed ?? false)
  const field = (key: keyof typeof form) => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) => setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const { values, errors } = readDeployment(form)
  const { latitude, longitude, clock_offset_s: offset } = values
  const zone = zoneOf(form)
  const isOtherZone = deployment !== undefined && deployment.images > 0 && ZONES.includes(values.time_zone) && values.time_zone !== deployment.time_zone
  const again = isOtherZone && redates
  const w = words.deployment
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      if (deployment) {
        const body = { ...changesOf(values, form, before), redate_images: again }
        return answer(api.PATCH("/api/v2/deployments/{deployment_id}", { params: { path: { deployment_id: deployment.id } }, body }))
      }
      const found = typeof latitude === "number" ? null : HERE
      return answer(api.POST("/api/v2/deployments", { body: { ...values, clock_offset_s: offset ?? 0, time_zone: values.time_zone || found, project: project.id } }))
    },
    onSuccess: async (stored) => {
      await client.invalidateQueries({ queryKey: ["deployment", project.id] })
      if (deployment) void client.invalidateQueries({ queryKey: ["image", project.id] })
      toast(deployment ? w.changed(stored.name) : w.saved(stored.name))
      onDone(stored)
    },
  })
  const mark = typeof latitude === "number" && typeof longitude === "number" ? { latitude, longitude } : null
  const known = others.filter((one) => one.id !== deployment?.id && one.latitude !== null && one.longitude !== null)
  const bad = Object.keys(errors).length > 0
  const submit = (event: FormEvent) => {
    event.preventDefault()
    event.stopPropagation()
    if (!bad) store.mutate()
  }
  return (
    <form className="form" onSubmit={submit}>
      {deployment && <ZoneWarning deployment={deployment} inForm onDone={onDone} />}
      <TextField label={w.name} hint={w.nameHint} required maxLength={255} autoFocus {...field("name")} />
      {(known.length > 0 || mark) && (
        <Suspense fallback={<div className="skeleton" style={{ height: 220 }} />}>
          <PlacePicker
            others={known} mark={mark}
            onPlace={(place) => setForm((old) => ({ ...old, latitude: place.latitude.toFixed(DIGITS), longitude: place.longitude.toFixed(DIGITS) }))}
          />
        </Suspense>
      )}
      <div className="form-row">
        <TextField label={w.latitude} inputMode="decimal" placeholder="48.1372" hint={w.north} error={errors.latitude} {...field("latitude")} />
        <TextField label={w.longitude} inputMode="decimal" placeholder="8.2265" hint={w.east} error={errors.longitude} {...field("longitude")} />
      </div>
      <TextField label={w.zone} hint={deployment ? d.zoneHint : `${d.zoneHint} ${d.zoneFound(HERE)}`} list="time-zones" required={Boolean(deployment)} {...field("time_zone")} />
      <datalist id="time-zones">{ZONES.map((zone) => <option key={zone} value={zone} />)}</datalist>
      {isOtherZone && (
        <>
          <Check label={z.again(deployment.images)} checked={redates} onChange={(event) => setRedates(event.target.checked)} />
          {!redates && <p className="hint">{z.onlyNew}</p>}
        </>
      )}
      <details className="more" open={Boolean(deployment)}>
        <summary>{words.source.more}</summary>
        <div className="form">
          <div className="form-row">
            <TextField label={w.camera} {...field("camera")} />
            <TextField label={w.clock} hint={w.clockHint} inputMode="numeric" error={errors.clock_offset_s} {...field("clock_offset_s")} />
          </div>
          <div className="form-row">
            <TextField label={d.started} hint={d.inZone(zone)} type="datetime-local" step={1} error={errors.started_at} {...field("started_at")} />
            <TextField label={d.ended} hint={d.inZone(zone)} type="datetime-local" step={1} error={errors.ended_at} {...field("ended_at")} />
          </div>
          <TextField label={d.uncertainty} inputMode="decimal" error={errors.coordinate_uncertainty_m} {...field("coordinate_uncertainty_m")} />
          {deployment && <ClockEffect deployment={deployment} offset={offset} zone={again ? values.time_zone : undefined} onUndone={onDone} />}
          <TextField label={w.habitat} {...field("habitat")} />
          <TextField label={w.notes} {...field("notes")} />
        </div>
      </details>
      {store.error && <Trouble error={store.error} />}
      <div className="dialog-actions">
        <Button onClick={() => onDone(null)}>{words.common.cancel}</Button>
        <Button type="submit" kind="accent" busy={store.isPending} disabled={bad}>{deployment ? words.common.save : w.go}</Button>
      </div>
    </form>
  )
}
