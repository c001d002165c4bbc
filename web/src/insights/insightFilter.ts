/** The filter of insights: in the URL of the page, and as parameters of the API. */

export const DEFAULT_INTERVAL = 30
export const INTERVALS = [0, 15, 30, 60, 120, 1440]

export interface InsightFilter {
  start: string
  end: string
  deployments: string[]
  taxon: string
  interval: number
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

export function parseInsightFilter(search: URLSearchParams): InsightFilter {
  const interval = Number(search.get("interval") ?? DEFAULT_INTERVAL)
  const day = (name: string) => (DAY.test(search.get(name) ?? "") ? (search.get(name) ?? "") : "")
  return {
    start: day("from"),
    end: day("to"),
    deployments: (search.get("deployment") ?? "").split(",").filter(Boolean),
    taxon: search.get("species") ?? "",
    interval:
      Number.isInteger(interval) && interval >= 0 && interval <= 1440 ? interval : DEFAULT_INTERVAL,
  }
}

/** Return the parameters of the API; unset values are left out. */
export function buildInsightParameters(project: number, filter: InsightFilter) {
  return {
    project,
    start: filter.start || undefined,
    end: filter.end || undefined,
    deployment: filter.deployments.length > 0 ? filter.deployments : undefined,
    class: filter.taxon ? [filter.taxon] : undefined,
    interval: filter.interval,
  }
}

/** Return the URL of a table of model quality as CSV. */
export function buildQualityUrl(project: number, source: string, table: string): string {
  const query = new URLSearchParams({ project: String(project), source, table })
  return `/api/v2/insights/model-quality/table?${query}`
}

/** Return the URL of a table as CSV, with the same filter as the figures. */
export function buildTableUrl(
  project: number,
  filter: InsightFilter,
  table: string,
  options: Record<string, string> = {},
): string {
  const query = new URLSearchParams({ table })
  for (const [name, value] of Object.entries(buildInsightParameters(project, filter)))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) query.append(name, String(one))
  for (const [name, value] of Object.entries(options)) query.set(name, value)
  return `/api/v2/insights/tables?${query}`
}
