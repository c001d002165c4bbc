/** Converts between the settings of observations and the values of their form. */
import type { ObservationSettingsChange, ObservationValues } from "../api/types"

/** The use of a pipeline: its labels decide, a choice, or the name of another pipeline after `by:`. */
export type PipelineUse = "automatic" | "counts" | "ignored" | "replaced" | `by:${string}`

export interface PipelineRow {
  name: string
  use: PipelineUse
}

export interface ClassThreshold {
  /** Identifies the row while it is edited. */
  key: number
  label: string
  percent: string
}

export interface SettingsForm {
  detection: string
  classification: string
  review: string
  classes: ClassThreshold[]
  combines: boolean
  pipelines: PipelineRow[]
  blankLabels: string
  rule: ObservationValues["rule"]
  agreement: string
}

const formatPercent = (part: number) => String(Math.round(part * 1e6) / 1e4)
const parsePercent = (text: string) => Math.round(Number(text) * 1e4) / 1e6

export function parseLabels(text: string): string[] {
  return [
    ...new Set(
      text
        .split(",")
        .map((label) => label.trim())
        .filter(Boolean),
    ),
  ]
}

function getUse(pipeline: ObservationValues["pipelines"][number]): PipelineUse {
  if (pipeline.superseded_by) return `by:${pipeline.superseded_by}`
  if (pipeline.superseded) return "replaced"
  if (pipeline.chosen === null) return "automatic"
  return pipeline.chosen ? "counts" : "ignored"
}

export function buildForm(values: ObservationValues): SettingsForm {
  return {
    detection: formatPercent(values.detection_threshold),
    classification: formatPercent(values.classification_threshold),
    review: formatPercent(values.review_threshold),
    classes: Object.entries(values.class_thresholds).map(([label, part], key) => ({
      key,
      label,
      percent: formatPercent(part),
    })),
    combines: values.combines,
    pipelines: values.pipelines.map((one) => ({ name: one.name, use: getUse(one) })),
    blankLabels: values.blank_labels.join(", "),
    rule: values.rule,
    agreement: String(values.agreement),
  }
}

function buildPipeline({ name, use }: PipelineRow) {
  return {
    name,
    counts: use === "counts" ? true : use === "ignored" ? false : undefined,
    superseded: use === "replaced",
    superseded_by: use.startsWith("by:") ? use.slice(3) : undefined,
  }
}

function buildAll(form: SettingsForm) {
  return {
    detection_threshold: parsePercent(form.detection),
    classification_threshold: parsePercent(form.classification),
    review_threshold: parsePercent(form.review),
    combines: form.combines,
    rule: form.rule,
    agreement: Number(form.agreement),
    class_thresholds: Object.fromEntries(
      form.classes
        .filter(({ label }) => label.trim())
        .map(({ label, percent }) => [label.trim(), parsePercent(percent)]),
    ),
    blank_labels: parseLabels(form.blankLabels),
    pipelines: form.pipelines.map(buildPipeline),
  } satisfies ObservationSettingsChange
}

/** Build the change from stored values to those of a form; what is the same is left out. */
export function buildChange(
  values: ObservationValues,
  form: SettingsForm,
): ObservationSettingsChange {
  const before: Record<string, unknown> = buildAll(buildForm(values))
  return Object.fromEntries(
    Object.entries(buildAll(form)).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]),
    ),
  )
}

/** Return whether every finding counts, as in projects that are older than observations. */
export const countsEverything = (values: ObservationValues): boolean =>
  values.detection_threshold === 0 && values.classification_threshold === 0

/** Return the label of a class that has two thresholds, or null. */
export function findRepeatedClass(form: SettingsForm): string | null {
  const labels = form.classes.map(({ label }) => label.trim()).filter(Boolean)
  return labels.find((label, at) => labels.indexOf(label) !== at) ?? null
}

/** Move the pipeline at a position by one place. */
export function movePipeline(rows: PipelineRow[], at: number, by: -1 | 1): PipelineRow[] {
  const to = at + by
  const moved = rows[at]
  if (!moved || to < 0 || to >= rows.length) return rows
  const rest = rows.toSpliced(at, 1)
  return rest.toSpliced(to, 0, moved)
}
