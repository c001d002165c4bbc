/** Converts between an export's selection, the filters of the grid, and text. */

import type { Deployment, ExportSelection } from "../api/types"
import { filterTexts, observationFilterTexts } from "../catalogue/en"
import { imageTexts } from "../images/en"
import type { ImageFilter } from "../images/queries"
import { listDeploymentIds, NO_FILTER, parseCount, parseHour } from "../images/queries"
import { addDays, formatExact, formatPlainDay } from "../ui/time"
import { exportTexts } from "./en"

/** Maximum number of images selected by ID; more are selected by filters. */
export const MAX_NAMED = 10_000
/** Fields of a selection that the filters of the grid cannot show. */
const HIDDEN_FIELDS = ["images", "job", "captured_after", "captured_before"] as const
/** The filters that select images, without those that change how they are shown. */
export const SELECTING_FILTERS = (Object.keys(NO_FILTER) as (keyof ImageFilter)[]).filter(
  (key) => key !== "order" && key !== "deleted",
)

const parseFlag = (text: string) => (text ? text === "true" : undefined)
const formatFlag = (value: boolean | null | undefined) =>
  typeof value === "boolean" ? String(value) : ""
const formatPercent = (part: number) => `${Math.round(100 * part)} %`

/** Build the deployment of a selection: one, a list, or undefined for all. */
function buildDeployment(filter: ImageFilter): ExportSelection["deployment"] {
  const ids = listDeploymentIds(filter)
  return ids.length > 1 ? ids : ids[0]
}

/** List the deployments of a selection. */
const listDeployments = (selection: ExportSelection) => [selection.deployment ?? []].flat()

/** Build the selection of a filter; unset filters are left out. */
export function buildSelection(filter: ImageFilter): ExportSelection {
  const all = {
    deployment: buildDeployment(filter),
    class_name: filter.class || undefined,
    analysis_state: (filter.analysis_state || undefined) as ExportSelection["analysis_state"],
    day_after: filter.from || undefined,
    day_before: filter.to ? addDays(filter.to, 1) : undefined,
    confidence_min: filter.confidence ? Number(filter.confidence) / 100 : undefined,
    blank: parseFlag(filter.blank),
    reviewed: parseFlag(filter.reviewed),
    tag: filter.tag || undefined,
    starred: parseFlag(filter.starred),
    sequence: filter.sequence || undefined,
    taxon: filter.taxon || undefined,
    kind: (filter.kind || undefined) as ExportSelection["kind"],
    source: (filter.source || undefined) as ExportSelection["source"],
    identified_by: filter.identified_by || undefined,
    needs_review: parseFlag(filter.needs_review),
    individual: filter.individual || undefined,
    count_min: parseCount(filter.count_min),
    model_class: filter.model_class || undefined,
    confidence_max: filter.confidence_max ? Number(filter.confidence_max) / 100 : undefined,
    commented: parseFlag(filter.commented),
    hour_from: parseHour(filter.hour_from),
    hour_to: parseHour(filter.hour_to),
    disagreement: (filter.disagreement || undefined) as ExportSelection["disagreement"],
    source_a: filter.source_a || undefined,
    source_b: filter.source_b || undefined,
    answer_a: filter.answer_a || undefined,
    answer_b: filter.answer_b || undefined,
    comparison: (filter.comparison || undefined) as ExportSelection["comparison"],
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** Build the filters that show a selection, and list the fields that they cannot show. */
export function buildFilter(selection: ExportSelection): {
  filter: ImageFilter
  unseen: ExportSelection
} {
  const filter = {
    ...NO_FILTER,
    deployment: listDeployments(selection).join(),
    class: selection.class_name ?? "",
    analysis_state: selection.analysis_state ?? "",
    from: selection.day_after ?? "",
    to: selection.day_before ? addDays(selection.day_before, -1) : "",
    confidence: selection.confidence_min ? String(Math.round(100 * selection.confidence_min)) : "",
    blank: formatFlag(selection.blank),
    reviewed: formatFlag(selection.reviewed),
    tag: selection.tag ?? "",
    starred: formatFlag(selection.starred),
    sequence: typeof selection.sequence === "string" ? selection.sequence : "",
    taxon: selection.taxon ?? "",
    kind: selection.kind ?? "",
    source: selection.source ?? "",
    identified_by: selection.identified_by ?? "",
    needs_review: formatFlag(selection.needs_review),
    individual: selection.individual ?? "",
    count_min: selection.count_min ? String(selection.count_min) : "",
    model_class: selection.model_class ?? "",
    confidence_max: selection.confidence_max
      ? String(Math.round(100 * selection.confidence_max))
      : "",
    commented: formatFlag(selection.commented),
    hour_from: selection.hour_from?.toString() ?? "",
    hour_to: selection.hour_to?.toString() ?? "",
    disagreement: selection.disagreement ?? "",
    source_a: selection.source_a ?? "",
    source_b: selection.source_b ?? "",
    answer_a: selection.answer_a ?? "",
    answer_b: selection.answer_b ?? "",
    comparison: selection.comparison ?? "",
  }
  const unseen = HIDDEN_FIELDS.filter(
    (key) => selection[key] !== undefined && selection[key] !== null,
  ).map((key) => [key, selection[key]])
  // The filter of the page has one sequence.
  if (Array.isArray(selection.sequence)) unseen.push(["sequence", selection.sequence])
  return { filter, unseen: Object.fromEntries(unseen) as ExportSelection }
}

/** Format a selection as text, one part per field; image IDs are only counted. */
export function formatSelection(
  selection: ExportSelection,
  deployments: readonly Deployment[] = [],
  named: number | null = selection.images?.length ?? null,
): string {
  const [t, o] = [exportTexts.chosen, observationFilterTexts]
  const {
    class_name,
    taxon,
    job,
    day_after,
    day_before,
    captured_after,
    captured_before,
    confidence_min,
    blank,
    reviewed,
    tag,
    starred,
    sequence,
    kind,
    source,
    identified_by,
    needs_review,
    individual,
    count_min,
    model_class,
    analysis_state,
  } = selection
  if (named !== null) return exportTexts.images(named)
  const short = { day: "numeric", month: "short", year: "numeric" } as const
  const parts = [
    ...listDeployments(selection).map((id) =>
      t.deployment(deployments.find((one) => one.id === id)?.name ?? exportTexts.deletedDeployment),
    ),
    class_name && t.class(class_name),
    taxon && t.taxon,
    job && t.job(job),
    day_after
      ? t.from(formatPlainDay(day_after, short))
      : captured_after && t.from(formatExact(captured_after)),
    day_before
      ? t.to(formatPlainDay(addDays(day_before, -1), short))
      : captured_before && t.to(formatExact(captured_before)),
    confidence_min && t.sure(formatPercent(confidence_min)),
    typeof blank === "boolean" && (blank ? t.blank : t.notBlank),
    typeof reviewed === "boolean" && (reviewed ? t.reviewed : t.notReviewed),
    tag && t.tag(tag),
    typeof starred === "boolean" && (starred ? t.starred : t.notStarred),
    sequence && t.sequence,
    kind && t.kind(o.kinds[kind] ?? kind),
    source && t.source(o.sources[source] ?? source),
    identified_by && t.identifiedBy,
    typeof needs_review === "boolean" && (needs_review ? t.needsReview : t.needsNoReview),
    individual && t.individual(individual),
    count_min && t.count(count_min),
    model_class && t.modelClass(model_class),
    selection.confidence_max && t.atMost(formatPercent(selection.confidence_max)),
    typeof selection.commented === "boolean" &&
      (selection.commented ? t.commented : t.notCommented),
    (typeof selection.hour_from === "number" || typeof selection.hour_to === "number") &&
      filterTexts.hours(selection.hour_from ?? 0, selection.hour_to ?? 24),
    analysis_state && t.analysis(imageTexts.states[analysis_state] ?? analysis_state),
    selection.disagreement && t.disagreement,
    selection.source_a && t.comparison,
  ].filter(Boolean)
  return parts.length > 0 ? parts.join(", ") : exportTexts.everything
}
