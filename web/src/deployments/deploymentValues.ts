/** The values of the deployment form: as text, as the API takes them, and their errors. */
import type { Deployment } from "../api/types"
import { fromLocal, toLocal } from "../ui/localTime"
import { deploymentTexts, deploymentFormTexts as t } from "./en"
import { formatNumber, parseNumber } from "./numbers"
import { buildSetupText, parseSetup } from "./setupValues"

export const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"

export function buildFormValues(deployment?: Deployment) {
  const moment = (at: string | null | undefined) =>
    deployment && at ? toLocal(at, deployment.time_zone) : ""
  return {
    name: deployment?.name ?? "",
    latitude: formatNumber(deployment?.latitude),
    longitude: formatNumber(deployment?.longitude),
    coordinate_uncertainty_m: formatNumber(deployment?.coordinate_uncertainty_m),
    time_zone: deployment?.time_zone ?? "",
    started_at: moment(deployment?.started_at),
    ended_at: moment(deployment?.ended_at),
    clock_offset_s: deployment?.clock_offset_s.toString() ?? "0",
    camera: deployment?.camera ?? "",
    habitat: deployment?.habitat ?? "",
    notes: deployment?.notes ?? "",
    ...buildSetupText(deployment),
  }
}

export type DeploymentFormValues = ReturnType<typeof buildFormValues>

/** Return the zone in which the form shows times; a fallback while the user types its name. */
export function getZone(text: DeploymentFormValues): string {
  try {
    return new Intl.DateTimeFormat("en", {
      timeZone: text.time_zone.trim() || BROWSER_ZONE,
    }).resolvedOptions().timeZone
  } catch {
    return "UTC"
  }
}

export function parseDeployment(text: DeploymentFormValues, stored?: Deployment) {
  const zone = getZone(text)
  const offset = /^-?\d{1,10}$/.test(text.clock_offset_s.trim())
    ? Number(text.clock_offset_s)
    : undefined
  const setup = parseSetup(text, zone, stored)
  const values = {
    name: text.name.trim(),
    latitude: parseNumber(text.latitude, -90, 90),
    longitude: parseNumber(text.longitude, -180, 180),
    coordinate_uncertainty_m: parseNumber(text.coordinate_uncertainty_m, 0, Number.MAX_VALUE),
    time_zone: text.time_zone.trim(),
    started_at: text.started_at ? fromLocal(text.started_at, zone) : null,
    ended_at: text.ended_at ? fromLocal(text.ended_at, zone) : null,
    clock_offset_s: offset,
    camera: text.camera,
    habitat: text.habitat,
    notes: text.notes,
    ...setup.values,
  }
  const errors: Partial<Record<keyof DeploymentFormValues, string>> = { ...setup.errors }
  const { latitude, longitude } = values
  if (latitude === undefined) errors.latitude = deploymentTexts.badNumber
  if (longitude === undefined) errors.longitude = deploymentTexts.badNumber
  if (latitude === null && typeof longitude === "number")
    errors.latitude = t.missing(deploymentTexts.longitude)
  if (longitude === null && typeof latitude === "number")
    errors.longitude = t.missing(deploymentTexts.latitude)
  if (values.coordinate_uncertainty_m === undefined)
    errors.coordinate_uncertainty_m = t.badUncertainty
  if (values.started_at && values.ended_at && values.ended_at < values.started_at)
    errors.ended_at = t.reversed
  for (const name of ["started_at", "ended_at"] as const)
    if (text[name] && values[name] === null) errors[name] = t.badTime
  if (offset === undefined) errors.clock_offset_s = deploymentTexts.badNumber
  return { values, errors }
}

/** Return the fields whose text has changed, so that the others stay as they are stored. */
export function getChanges<T extends Record<keyof DeploymentFormValues, unknown>>(
  values: T,
  text: DeploymentFormValues,
  before: DeploymentFormValues,
): Partial<T> {
  const changed = Object.entries(values).filter(
    ([name]) =>
      text[name as keyof DeploymentFormValues] !== before[name as keyof DeploymentFormValues],
  )
  return Object.fromEntries(changed) as Partial<T>
}
