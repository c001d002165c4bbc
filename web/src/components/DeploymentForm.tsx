/** Makes or changes a deployment. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, lazy, Suspense, useState } from "react"
import { answer, api } from "../api/client"
import type { Deployment } from "../api/types"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../words/en"
import { ClockEffect } from "./ClockEffect"
import { useProject } from "./project"

const PlacePicker = lazy(() => import("../map/PlacePicker").then((m) => ({ default: m.PlacePicker })))

const ZONES = Intl.supportedValuesOf("timeZone")
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"

function degrees(text: string, most: number): number | null | undefined {
  if (text.trim() === "") return null
  const value = Number(text.replace(",", "."))
  return Number.isFinite(value) && Math.abs(value) <= most ? value : undefined
}

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
  const [form, setForm] = useState({
    name: deployment?.name ?? "",
    latitude: deployment?.latitude?.toString() ?? "",
    longitude: deployment?.longitude?.toString() ?? "",
    time_zone: deployment?.time_zone ?? HERE,
    clock_offset_s: deployment?.clock_offset_s.toString() ?? "0",
    camera: deployment?.camera ?? "",
    habitat: deployment?.habitat ?? "",
    notes: deployment?.notes ?? "",
  })
  const field = (key: keyof typeof form) => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) => setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const latitude = degrees(form.latitude, 90)
  const longitude = degrees(form.longitude, 180)
  const offset = /^-?\d{1,10}$/.test(form.clock_offset_s.trim()) ? Number(form.clock_offset_s) : undefined
  const w = words.deployment
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const body = {
        name: form.name.trim(), latitude, longitude, time_zone: form.time_zone, clock_offset_s: offset ?? 0,
        camera: form.camera, habitat: form.habitat, notes: form.notes,
      }
      return deployment
        ? answer(api.PATCH("/api/v2/deployments/{deployment_id}", { params: { path: { deployment_id: deployment.id } }, body }))
        : answer(api.POST("/api/v2/deployments", { body: { ...body, project: project.id } }))
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
  const bad = latitude === undefined || longitude === undefined || offset === undefined
  const submit = (event: FormEvent) => {
    event.preventDefault()
    event.stopPropagation()
    if (!bad) store.mutate()
  }
  return (
    <form className="form" onSubmit={submit}>
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
        <TextField label={w.latitude} inputMode="decimal" placeholder="48.1372" hint={w.north} error={latitude === undefined ? w.badNumber : undefined} {...field("latitude")} />
        <TextField label={w.longitude} inputMode="decimal" placeholder="8.2265" hint={w.east} error={longitude === undefined ? w.badNumber : undefined} {...field("longitude")} />
      </div>
      <TextField label={w.zone} hint={w.zoneHint} list="time-zones" required {...field("time_zone")} />
      <datalist id="time-zones">{["UTC", ...ZONES].map((zone) => <option key={zone} value={zone} />)}</datalist>
      <details className="more" open={Boolean(deployment)}>
        <summary>{words.source.more}</summary>
        <div className="form">
          <div className="form-row">
            <TextField label={w.camera} {...field("camera")} />
            <TextField label={w.clock} hint={w.clockHint} inputMode="numeric" error={offset === undefined ? w.badNumber : undefined} {...field("clock_offset_s")} />
          </div>
          {deployment && <ClockEffect deployment={deployment} offset={offset} onUndone={onDone} />}
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
