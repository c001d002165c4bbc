import { expect, test } from "vitest"
import openapi from "../../../openapi.json?raw"
import type { Deployment } from "../api/types"
import { deploymentFormTexts as d, setupLabels, deploymentTexts as t } from "./en"
import { SETUP_FIELDS, SETUP_NAMES } from "./setupFieldList"
import { buildSetupText, parseSetup } from "./setupValues"

interface Schema {
  type?: string
  title?: string
  "x-unit"?: string
  $ref?: string
  minimum?: number
  maximum?: number
  /** The names of the limits of a type with its own validation. */
  ge?: number
  le?: number
  items?: Schema
  anyOf?: Schema[]
}

const schemas: Record<string, { properties: Record<string, Schema> }> =
  JSON.parse(openapi).components.schemas
const properties = schemas.NewDeployment?.properties ?? {}

const KINDS: Record<string, string> = { string: "text", boolean: "flag" }

/** The kind and the limits of a property of the API. */
function describe(schema: Schema) {
  const [type = schema] = schema.anyOf ?? []
  if (type.type === "array") return { kind: type.items?.$ref ? "periods" : "list" }
  if (type.$ref) return { kind: "choice" }
  const { minimum = type.ge, maximum = type.le } = type
  return {
    kind: KINDS[type.type ?? ""] ?? type.type,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  }
}

test("the fields have the kinds and the limits of the API", () => {
  expect(SETUP_NAMES.length).toBeGreaterThan(10)
  for (const name of SETUP_NAMES)
    expect({ [name]: describe(properties[name] ?? {}) }).toEqual({ [name]: SETUP_FIELDS[name] })
})

const UNITS: Record<string, string> = { s: ", seconds", m: ", metres", "°": ", degrees" }

test("labels are those of the API, with the unit", () => {
  const { latitude, longitude, ...others } = {
    ...setupLabels,
    name: t.name,
    latitude: t.latitude,
    longitude: t.longitude,
    coordinate_uncertainty_m: d.uncertainty,
    time_zone: t.zone,
    clock_offset_s: t.clock,
    camera: t.camera,
    habitat: t.habitat,
    notes: t.notes,
    started_at: d.started,
    ended_at: d.ended,
  }
  const expected = Object.entries(properties).map(([name, schema]) => [
    name,
    `${schema.title}${UNITS[schema["x-unit"] ?? ""] ?? ""}`,
  ])
  const { project: _, ...fields } = Object.fromEntries(expected)
  // The hints of coordinates have their range, from which the unit is clear.
  expect({
    ...others,
    latitude: `${latitude}, degrees`,
    longitude: `${longitude}, degrees`,
  }).toEqual(fields)
})

const deployment = {
  time_zone: "Europe/Berlin",
  camera_model: "Reconyx-PC800",
  camera_delay_s: 120,
  camera_height_m: 1.25,
  camera_depth_m: null,
  camera_tilt_deg: -10,
  camera_heading_deg: 225,
  detection_distance_m: 9.5,
  timestamp_issues: false,
  bait_use: true,
  feature_type: "culvert",
  setup_by: "Ada",
  pickup_by: "Grace",
  groups: ["season:winter 2026", "grid:A1"],
  tags: ["forest edge"],
  inactive_periods: [
    { start: "2026-05-01T22:00:00.000Z", end: "2026-05-02T22:00:00.000Z", reason: "card full" },
  ],
} as unknown as Deployment

test("values are the same after they were shown in the form", () => {
  const { values, errors } = parseSetup(buildSetupText(deployment), "Europe/Berlin", deployment)
  expect(errors).toEqual({})
  const { time_zone: _, ...expected } = deployment
  expect(values).toEqual(expected)
})

test("an empty form has no values", () => {
  const { values, errors } = parseSetup(buildSetupText(undefined), "UTC")
  expect(errors).toEqual({})
  expect([values.camera_delay_s, values.bait_use, values.groups, values.inactive_periods]).toEqual([
    null,
    null,
    [],
    [],
  ])
})

test.each([
  ["camera_delay_s", "1.5"],
  ["camera_delay_s", "-1"],
  ["camera_delay_s", "2147483648"],
  ["camera_tilt_deg", "91"],
  ["camera_heading_deg", "north"],
  ["inactive_periods", "2026-05-02/2026-05-01"],
  ["inactive_periods", "2026-05-02"],
  ["inactive_periods", "01/05/2026 stolen"],
  ["inactive_periods", "1.5.2026/3.5.2026"],
  ["inactive_periods", "1/2 stolen"],
  ["inactive_periods", "2026-05-01/2026-05-02stolen"],
  ["inactive_periods", "2026-02-30/2026-03-05"],
  ["inactive_periods", "2026-05-01/2026-05-02\n2026-06-01 stolen"],
] as const)("%s refuses %s", (name, text) => {
  const { errors } = parseSetup({ ...buildSetupText(undefined), [name]: text }, "UTC")
  expect(Object.keys(errors)).toEqual([name])
})

test("the reason of a period can contain a slash", () => {
  const text = { ...buildSetupText(undefined), inactive_periods: "2026-05-01/2026-05-03 SD/card" }
  expect(parseSetup(text, "UTC").values.inactive_periods).toEqual([
    { start: "2026-05-01T00:00:00.000Z", end: "2026-05-03T00:00:00.000Z", reason: "SD/card" },
  ])
})

test("lines that did not change keep their stored times", () => {
  const stored = [
    // Both are shown as 2026-10-25T02:30:00, because clocks go back in this hour.
    { start: "2026-10-25T00:30:00.250Z", end: "2026-10-25T00:30:00.250Z", reason: "" },
    { start: "2026-10-25T01:30:00.750Z", end: "2026-10-25T01:30:00.750Z", reason: "" },
  ]
  const before = { ...deployment, inactive_periods: stored } as Deployment
  const text = buildSetupText(before)
  text.inactive_periods += "\n2026-05-01/2026-05-03T12:00 stolen"
  const { values, errors } = parseSetup(text, "America/New_York", before)
  expect(errors).toEqual({})
  expect(values.inactive_periods).toEqual([
    ...stored,
    { start: "2026-05-01T04:00:00.000Z", end: "2026-05-03T16:00:00.000Z", reason: "stolen" },
  ])
})

test("a camera has a height or a depth", () => {
  const text = { ...buildSetupText(undefined), camera_height_m: "1", camera_depth_m: "2" }
  expect(Object.keys(parseSetup(text, "UTC").errors)).toEqual(["camera_depth_m"])
})
