/** The values of the setup fields: as text in the form, as the API takes them, and their errors. */
import type { Deployment, NewDeployment } from "../api/types"
import { fromLocal, toLocal } from "../ui/localTime"
import { setupTexts as t } from "./en"
import { formatNumber, parseNumber } from "./numbers"
import { SETUP_FIELDS, SETUP_NAMES, type SetupFieldName } from "./setupFieldList"

export type SetupText = Record<SetupFieldName, string>
type SetupValues = Required<Pick<NewDeployment, SetupFieldName>>
type Period = NewDeployment["inactive_periods"][number]

const SEPARATOR = "|"
const TIME = String.raw`\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?`
const PERIOD = new RegExp(String.raw`^(${TIME})/(${TIME})(?:\s+(.*))?$`)

export function buildSetupText(deployment: Deployment | undefined): SetupText {
  const zone = deployment?.time_zone ?? "UTC"
  const texts = SETUP_NAMES.map((name) => {
    if (name === "inactive_periods") {
      const periods = deployment?.inactive_periods ?? []
      return [name, periods.map((one) => formatPeriod(one, zone)).join("\n")]
    }
    const value = deployment?.[name] ?? ""
    if (typeof value === "number") return [name, formatNumber(value)]
    return [name, Array.isArray(value) ? value.join(` ${SEPARATOR} `) : String(value)]
  })
  return Object.fromEntries(texts) as SetupText
}

function formatPeriod(period: Period, zone: string): string {
  return `${toLocal(period.start, zone)}/${toLocal(period.end, zone)} ${period.reason}`.trimEnd()
}

/** Parse a line such as "2026-05-01T00:00/2026-05-03T12:00 stolen"; null if it is invalid. */
function parsePeriod(line: string, zone: string): Period | null {
  const [, from = "", to = "", reason = ""] = PERIOD.exec(line.trim()) ?? []
  const [start, end] = [from, to].map((text) =>
    fromLocal(text.length === 10 ? `${text}T00:00` : text, zone),
  )
  return start && end && start <= end && !reason.includes(SEPARATOR) ? { start, end, reason } : null
}

/**
 * Parse one period per line; undefined if a line is invalid.
 *
 * A line that has not changed keeps its stored period: its text has no fractions of seconds, and is
 * in the stored zone.
 */
function parsePeriods(text: string, zone: string, stored: Deployment | undefined) {
  const kept = new Map<string, Period[]>()
  for (const period of stored?.inactive_periods ?? []) {
    const line = formatPeriod(period, stored?.time_zone ?? "UTC")
    kept.set(line, [...(kept.get(line) ?? []), period])
  }
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
  const periods = lines.map((line) => kept.get(line)?.shift() ?? parsePeriod(line, zone))
  return periods.includes(null) ? undefined : periods
}

/** Parse the text of a field; undefined if it is not valid. */
function parseValue(
  name: SetupFieldName,
  text: string,
  zone: string,
  stored: Deployment | undefined,
): unknown {
  const { kind, minimum = -Number.MAX_VALUE, maximum = Number.MAX_VALUE } = SETUP_FIELDS[name]
  switch (kind) {
    case "number":
    case "integer": {
      const value = parseNumber(text, minimum, maximum)
      return kind === "integer" && value !== null && !Number.isInteger(value) ? undefined : value
    }
    case "flag":
      return text === "" ? null : text === "true"
    case "choice":
      return text || null
    case "list":
      return text
        .split(SEPARATOR)
        .map((part) => part.trim())
        .filter(Boolean)
    case "periods":
      return parsePeriods(text, zone, stored)
    default:
      return text.trim()
  }
}

export function parseSetup(text: SetupText, zone: string, stored?: Deployment) {
  const values = Object.fromEntries(
    SETUP_NAMES.map((name) => [name, parseValue(name, text[name], zone, stored)]),
  ) as unknown as SetupValues
  const errors: Partial<SetupText> = {}
  for (const name of SETUP_NAMES) if (values[name] === undefined) errors[name] = t.bad(name)
  if (typeof values.camera_height_m === "number" && typeof values.camera_depth_m === "number")
    errors.camera_depth_m = t.heightAndDepth
  return { values, errors }
}
