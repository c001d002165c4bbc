/** Which images an export holds: from the filters of the grid, back to them, and in words. */
import type { ImageFilter } from "../images/queries"
import { noFilter } from "../images/queries"
import type { Deployment, ExportSelection } from "../api/types"
import { addDays, exact, plainDay } from "../ui/time"
import { words } from "../en"
import { exportWords } from "./en"

/** So many images are named one by one; more are chosen by a filter. */
export const MOST_NAMED = 10_000
/** What of a selection the filters of the grid cannot show. */
const UNSEEN = ["images", "taxon", "job", "captured_after", "captured_before"] as const
/** The filters that say which images, not how they are shown. */
export const CHOOSING = (Object.keys(noFilter) as (keyof ImageFilter)[]).filter((key) => key !== "order" && key !== "deleted")

const flag = (text: string) => (text ? text === "true" : undefined)
const textOf = (value: boolean | null | undefined) => (typeof value === "boolean" ? String(value) : "")
const percent = (part: number) => `${Math.round(100 * part)} %`

/** The selection of a filter, without what it leaves open. */
export function toSelection(filter: ImageFilter): ExportSelection {
  const all = {
    deployment: filter.deployment || undefined, class_name: filter.class || undefined, analysis_state: (filter.analysis_state || undefined) as ExportSelection["analysis_state"],
    day_after: filter.from || undefined, day_before: filter.to ? addDays(filter.to, 1) : undefined, confidence_min: filter.confidence ? Number(filter.confidence) / 100 : undefined,
    blank: flag(filter.blank), reviewed: flag(filter.reviewed), tag: filter.tag || undefined, starred: flag(filter.starred), sequence: filter.sequence || undefined,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** The filters that show a selection, and what of it they cannot show. */
export function fromSelection(selection: ExportSelection): { filter: ImageFilter; unseen: ExportSelection } {
  const filter = {
    ...noFilter, deployment: selection.deployment ?? "", class: selection.class_name ?? "", analysis_state: selection.analysis_state ?? "",
    from: selection.day_after ?? "", to: selection.day_before ? addDays(selection.day_before, -1) : "", confidence: selection.confidence_min ? String(Math.round(100 * selection.confidence_min)) : "",
    blank: textOf(selection.blank), reviewed: textOf(selection.reviewed), tag: selection.tag ?? "", starred: textOf(selection.starred), sequence: selection.sequence ?? "",
  }
  const unseen = UNSEEN.filter((key) => selection[key] !== undefined && selection[key] !== null).map((key) => [key, selection[key]])
  return { filter, unseen: Object.fromEntries(unseen) as ExportSelection }
}

/** A selection in words, its parts one after the other; a list tells of named images only how many there are. */
export function saySelection(selection: ExportSelection, deployments: readonly Deployment[] = [], named: number | null = selection.images?.length ?? null): string {
  const w = exportWords.chosen
  const { deployment, class_name, taxon, job, day_after, day_before, captured_after, captured_before, confidence_min, blank, reviewed, tag, starred, sequence, analysis_state } = selection
  if (named !== null) return exportWords.images(named)
  const short = { day: "numeric", month: "short", year: "numeric" } as const
  const parts = [
    deployment && w.deployment(deployments.find((one) => one.id === deployment)?.name ?? exportWords.gone),
    class_name && w.class(class_name), taxon && w.taxon, job && w.job(job),
    day_after ? w.from(plainDay(day_after, short)) : captured_after && w.from(exact(captured_after)),
    day_before ? w.to(plainDay(addDays(day_before, -1), short)) : captured_before && w.to(exact(captured_before)),
    confidence_min && w.sure(percent(confidence_min)),
    typeof blank === "boolean" && (blank ? w.blank : w.notBlank), typeof reviewed === "boolean" && (reviewed ? w.reviewed : w.notReviewed),
    tag && w.tag(tag), typeof starred === "boolean" && (starred ? w.starred : w.notStarred), sequence && w.sequence,
    analysis_state && w.analysis(words.image.states[analysis_state] ?? analysis_state),
  ].filter(Boolean)
  return parts.length > 0 ? parts.join(", ") : exportWords.everything
}
