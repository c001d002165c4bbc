/** The filters of the grid: their groups in the menu, and the parameters of the URL they set. */
import { type ImageFilter, NO_FILTER } from "../images/queries"

/** The parameters of each filter, in the order of the chips. */
export const FILTER_KEYS = {
  deployment: ["deployment"],
  date: ["from", "to"],
  hours: ["hour_from", "hour_to"],
  class: ["class"],
  taxon: ["taxon"],
  kind: ["kind"],
  blank: ["blank"],
  confidence: ["confidence", "confidence_max"],
  count_min: ["count_min"],
  individual: ["individual"],
  model_class: ["model_class"],
  reviewed: ["reviewed"],
  needs_review: ["needs_review"],
  identified_by: ["identified_by"],
  source: ["source"],
  disagreement: ["disagreement"],
  comparison: ["source_a", "source_b", "answer_a", "answer_b", "comparison"],
  commented: ["commented"],
  starred: ["starred"],
  tag: ["tag"],
  analysis_state: ["analysis_state"],
  sequence: ["sequence"],
  deleted: ["deleted"],
} as const satisfies Record<string, readonly (keyof ImageFilter)[]>

export type FilterId = keyof typeof FILTER_KEYS

export const FILTER_GROUPS = {
  observation: ["class", "kind", "blank", "count_min", "individual", "confidence", "model_class"],
  review: [
    ...(["reviewed", "needs_review", "identified_by", "source"] as const),
    ...(["disagreement", "commented", "starred", "tag"] as const),
  ],
  place: ["deployment", "date", "hours", "analysis_state", "deleted"],
} as const satisfies Record<string, readonly FilterId[]>

export type FilterGroup = keyof typeof FILTER_GROUPS

/** Return the parameters that a filter sets. */
export const getFilterKeys = (id: FilterId): readonly (keyof ImageFilter)[] => FILTER_KEYS[id]

/** Return the values that remove a filter. */
export const buildRemoval = (id: FilterId): Partial<ImageFilter> =>
  Object.fromEntries(getFilterKeys(id).map((key) => [key, ""]))

/** List the filters that are set, in the order of their chips. */
export const listSetFilters = (filter: ImageFilter): FilterId[] =>
  (Object.keys(FILTER_KEYS) as FilterId[]).filter((id) =>
    getFilterKeys(id).some((key) => filter[key] !== ""),
  )

/** Whether any filter is set. The order and the view of deleted images can be left out. */
export const isFiltered = (filter: ImageFilter, except: readonly (keyof ImageFilter)[] = []) =>
  (Object.keys(NO_FILTER) as (keyof ImageFilter)[]).some(
    (key) => key !== "order" && !except.includes(key) && filter[key] !== "",
  )

/** Find the filters whose name or group contains a text; all of them without a text. */
export function searchFilters(
  text: string,
  names: Record<FilterId, string>,
  groupNames: Record<FilterGroup, string>,
  isShown: (id: FilterId) => boolean = () => true,
): [FilterGroup, FilterId[]][] {
  const wanted = text.trim().toLowerCase()
  const groups = Object.entries(FILTER_GROUPS) as [FilterGroup, readonly FilterId[]][]
  return groups
    .map(([group, ids]): [FilterGroup, FilterId[]] => [
      group,
      ids.filter(
        (id) =>
          isShown(id) &&
          (names[id].toLowerCase().includes(wanted) ||
            groupNames[group].toLowerCase().includes(wanted)),
      ),
    ])
    .filter(([, ids]) => ids.length > 0)
}

/** Parse percent as the URL has them: 1 to 99, or nothing. */
export const parsePercent = (text: string) => (/^[1-9]\d?$/.test(text) ? Number(text) : undefined)
