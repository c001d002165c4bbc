import { useQuery } from "@tanstack/react-query"
import { deploymentsQuery } from "../deployments/queries"
import { imageTexts, markTexts } from "../images/en"
import { type ImageFilter, listDeploymentIds, parseHour } from "../images/queries"
import { useProject } from "../projects/projectContext"
import { membersQuery } from "../projects/queries"
import { taxonQuery } from "../taxa/queries"
import { formatPlainDay } from "../ui/time"
import { observationFilterTexts as o, filterTexts as t } from "./en"
import type { FilterId } from "./filterFields"

const SHORT_DAY = { day: "numeric", month: "short", year: "numeric" } as const

/** Above this number, a chip has the number of deployments instead of their names. */
const MAX_NAMES = 2

/** Format a period of days; each end can be open. */
export function formatDays(from: string, to: string): string {
  const [first = "", last = ""] = [from, to].map(formatShortDay)
  if (first && last) return first === last ? first : t.days(first, last)
  return first ? t.fromDay(first) : t.toDay(last)
}

/** Format a day of the URL; a text that is not a day stays as it is. */
const formatShortDay = (day: string) =>
  Number.isNaN(Date.parse(`${day}T12:00:00Z`)) ? day : formatPlainDay(day, SHORT_DAY)

const formatPercents = (least: string, most: string) =>
  least && most ? t.percents(least, most) : least ? t.atLeast(least) : t.atMost(most)

/** Format a source of answers, such as "model:net/1.2", without its kind. */
const formatSource = (source: string) =>
  source === "people" ? t.people : source.startsWith("user:") ? t.person : source.slice(6)

/** Return the text of each filter's chip: the value without the name. */
export function useChipTexts(filter: ImageFilter): Record<FilterId, string> {
  const project = useProject()
  const { data: deployments } = useQuery({
    ...deploymentsQuery(project.id),
    enabled: Boolean(filter.deployment),
  })
  const { data: taxon } = useQuery({ ...taxonQuery(filter.taxon), enabled: Boolean(filter.taxon) })
  const { data: members } = useQuery({
    ...membersQuery(project.id),
    enabled: Boolean(filter.identified_by),
  })
  const person = members?.results.find((one) => one.user_id === filter.identified_by)
  const chosen = listDeploymentIds(filter).map(
    (id) =>
      deployments?.results.find((one) => one.id === id)?.name ??
      (deployments ? t.unknownDeployment : "…"),
  )
  return {
    deployment: chosen.length > MAX_NAMES ? t.deployments(chosen.length) : chosen.join(", "),
    date: formatDays(filter.from, filter.to),
    class: filter.class,
    taxon: taxon?.scientific_name ?? o.unknownTaxon,
    kind: o.kinds[filter.kind] ?? filter.kind,
    blank: t.blank[filter.blank] ?? filter.blank,
    hours: t.hours(parseHour(filter.hour_from) ?? 0, parseHour(filter.hour_to) ?? 24),
    disagreement: t.disagreements[filter.disagreement] ?? filter.disagreement,
    comparison: [
      [filter.source_a, filter.answer_a],
      [filter.source_b, filter.answer_b],
    ]
      .map(([source = "", answer = ""]) => t.answer(formatSource(source), answer))
      .join(", "),
    commented: t.commented[filter.commented] ?? filter.commented,
    confidence: formatPercents(filter.confidence, filter.confidence_max),
    count_min: t.countAtLeast(filter.count_min),
    individual: filter.individual,
    model_class: filter.model_class,
    reviewed: t.reviewed[filter.reviewed] ?? filter.reviewed,
    needs_review: o.reviews[filter.needs_review] ?? filter.needs_review,
    identified_by: person?.name || person?.email || (members ? o.formerMember : "…"),
    source: o.sources[filter.source] ?? filter.source,
    starred: t.starred[filter.starred] ?? filter.starred,
    tag: filter.tag,
    analysis_state: imageTexts.states[filter.analysis_state] ?? filter.analysis_state,
    sequence: o.oneSequence,
    deleted: filter.deleted === "true" ? "" : markTexts.present,
  }
}
