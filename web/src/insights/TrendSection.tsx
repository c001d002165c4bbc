/** Species over time: how many were seen in each period, or the rate of one of them. */
import { useQuery } from "@tanstack/react-query"
import { useCallback } from "react"
import type { Trends } from "../api/types"
import { useProject } from "../projects/projectContext"
import { Chart, type Plot } from "../ui/charts/Chart"
import { addDays } from "../ui/time"
import { useUrlQuery } from "../ui/urlQuery"
import { trendTexts as t } from "./en"
import { buildTableUrl, type InsightFilter } from "./insightFilter"
import { Choice, Notes, Panel } from "./Panel"
import { TREND_STEPS, type TrendStep, trendsQuery } from "./queries"

interface TrendBar {
  from: Date
  until: Date
  value: number
  /** Species that were not seen before the period. */
  added: number
}

export function TrendSection({ filter }: { filter: InsightFilter }) {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const step: TrendStep = TREND_STEPS.find((one) => one === search.get("step")) ?? "month"
  const query = useQuery(trendsQuery(project.id, filter, step))
  const { data } = query
  const chosen = data?.species.find((one) => one.name === search.get("trend"))
  const set = (name: string) => (value: string) =>
    setSearch((next) => (value ? next.set(name, value) : next.delete(name)), { replace: true })
  const name = chosen?.name
  const draw = useCallback(
    (plot: Plot) => {
      const bars = data ? listBars(data, name) : []
      const place = { x1: "from", x2: "until", insetLeft: 0.5, insetRight: 0.5 }
      const idle = bars.filter((_, at) => data?.periods[at]?.nights === 0)
      return {
        marginLeft: 36,
        marginBottom: 30,
        x: { type: "utc" as const, label: null },
        y: { label: null, grid: true, zero: true, ticks: 5 },
        marks: [
          plot.rect(idle, { x1: "from", x2: "until", fill: "var(--sunken)" }),
          plot.rectY(bars, { ...place, y: "value", fill: "var(--accent)", fillOpacity: 0.35 }),
          ...(name ? [] : [plot.rectY(bars, { ...place, y: "added", fill: "var(--accent)" })]),
          plot.ruleY([0], { stroke: "var(--line-strong)" }),
        ],
      }
    },
    [data, name],
  )
  return (
    <Panel
      id="trends"
      query={query}
      title={t.title}
      controls={
        <>
          <Choice
            label={t.shown}
            value={name ?? ""}
            options={[
              ["", t.count],
              ...(data?.species ?? []).map((one) => [one.name, t.rateOf(one.name)] as const),
            ]}
            onChange={set("trend")}
          />
          <Choice
            label={t.step}
            value={step}
            options={TREND_STEPS.map((one) => [one, t.steps[one] ?? one] as const)}
            onChange={(value) => set("step")(value === "month" ? "" : value)}
          />
        </>
      }
      foot={
        data && (
          <>
            {data.periods.some((one) => one.nights === 0) && <p>{t.idle}</p>}
            <Notes notes={data.notes} />
          </>
        )
      }
    >
      {data && data.periods.length > 0 && (
        <>
          {!name && (
            <p className="chart-legend" aria-hidden>
              <span>
                <span className="swatch swatch-seen" />
                {t.seen}
              </span>
              <span>
                <span className="swatch swatch-images" />
                {t.added}
              </span>
            </p>
          )}
          <Chart
            label={name ? t.rateChart(name) : t.countChart}
            name="trends"
            height={220}
            draw={draw}
            csv={buildTableUrl(project.id, filter, "trends", { step })}
            table={buildTrendTable(data, name)}
          />
        </>
      )}
    </Panel>
  )
}

function listBars({ periods, species }: Trends, name: string | undefined): TrendBar[] {
  const rates = species.find((one) => one.name === name)?.rates
  return periods.map((one, at) => ({
    from: new Date(one.start),
    until: new Date(addDays(one.end, 1)),
    value: rates ? (rates[at] ?? 0) : one.species,
    added: one.new_species,
  }))
}

function buildTrendTable({ periods, species }: Trends, name: string | undefined) {
  const chosen = species.find((one) => one.name === name)
  const round = (value: number | null | undefined) =>
    value === null || value === undefined ? null : Math.round(value * 10) / 10
  return chosen
    ? {
        columns: [t.from, t.nights, t.events, t.rate],
        rows: periods.map((one, at) => [
          one.start,
          round(one.nights),
          chosen.events[at] ?? 0,
          round(chosen.rates[at]),
        ]),
      }
    : {
        columns: [t.from, t.nights, t.events, t.seen, t.added],
        rows: periods.map((one) => [
          one.start,
          round(one.nights),
          one.events,
          one.species,
          one.new_species,
        ]),
      }
}
