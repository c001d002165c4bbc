/** Accumulation of species over camera-nights, and species over time. */
import { useQuery } from "@tanstack/react-query"
import { useCallback } from "react"
import { useClassColour } from "../findings/classColours"
import { useProject } from "../projects/projectContext"
import { Chart, type Plot } from "../ui/charts/Chart"
import { formatDecimal } from "../ui/en"
import { formatPlainDay } from "../ui/time"
import { insightTexts, richnessTexts as t } from "./en"
import { buildTableUrl, type InsightFilter } from "./insightFilter"
import { Notes, Panel } from "./Panel"
import { accumulationQuery, timelineQuery } from "./queries"

const MOST_SERIES = 5

export function RichnessSection({ filter }: { filter: InsightFilter }) {
  const project = useProject()
  const query = useQuery(accumulationQuery(project.id, filter))
  const { data } = query
  const draw = useCallback(
    (plot: Plot) => {
      const steps = data?.steps ?? []
      const chao2 = data?.chao2
      return {
        marginLeft: 36,
        marginBottom: 38,
        x: { label: t.nights, labelAnchor: "center" as const, labelArrow: "none" as const },
        y: { label: null, grid: true, zero: true, ticks: 5 },
        marks: [
          plot.areaY(
            steps.filter((step) => step.interval !== null),
            {
              x: "nights",
              y1: (step: (typeof steps)[number]) => step.interval?.low,
              y2: (step: (typeof steps)[number]) => step.interval?.high,
              fill: "var(--accent)",
              fillOpacity: 0.15,
            },
          ),
          ...(chao2
            ? [plot.ruleY([chao2.value], { stroke: "var(--amber)", strokeDasharray: "2 4" })]
            : []),
          plot.line(steps, {
            x: "nights",
            y: "observed",
            stroke: "var(--ink-soft)",
            strokeDasharray: "4 3",
            curve: "step-after" as const,
          }),
          plot.line(steps, {
            x: "nights",
            y: "expected",
            stroke: "var(--accent)",
            strokeWidth: 2.5,
          }),
          plot.ruleY([0], { stroke: "var(--line-strong)" }),
        ],
      }
    },
    [data],
  )
  const chao2 = data?.chao2
  return (
    <Panel
      id="accumulation"
      query={query}
      title={t.title}
      foot={data && <Notes notes={data.notes} />}
    >
      {chao2 && (
        <p data-testid="chao2">
          {t.chao2(formatDecimal(chao2.value, 1), chao2.observed)}
          {chao2.interval &&
            ` (${insightTexts.interval95(formatDecimal(chao2.interval.low, 1), formatDecimal(chao2.interval.high, 1))})`}
          .
        </p>
      )}
      {data && data.steps.length > 0 && (
        <Chart
          label={t.chart}
          name="accumulation"
          height={260}
          draw={draw}
          csv={buildTableUrl(project.id, filter, "accumulation")}
          table={{
            columns: [t.nights, t.observed, t.expected, t.low, t.high],
            rows: data.steps.map((step) => [
              Math.round(step.nights * 10) / 10,
              step.observed,
              Math.round(step.expected * 100) / 100,
              step.interval && Math.round(step.interval.low * 100) / 100,
              step.interval && Math.round(step.interval.high * 100) / 100,
            ]),
          }}
        />
      )}
    </Panel>
  )
}

export function SeriesSection({ filter }: { filter: InsightFilter }) {
  const project = useProject()
  const colour = useClassColour()
  const { data } = useQuery(timelineQuery(project.id, filter))
  const species = data?.species.slice(0, MOST_SERIES) ?? []
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours change only with the data
  const draw = useCallback(
    (plot: Plot) => ({
      marginLeft: 36,
      marginBottom: 30,
      x: { type: "utc" as const, label: null },
      y: { label: null, grid: true, zero: true, ticks: 5 },
      marks: [
        ...species.flatMap((one) => {
          const points = (data?.steps ?? []).map((day, at) => ({
            day: new Date(day),
            events: one.events[at] ?? 0,
          }))
          const look = { x: "day", y: "events", stroke: colour(one.name) }
          return [plot.line(points, { ...look, strokeWidth: 2 }), plot.dot(points, look)]
        }),
        plot.ruleY([0], { stroke: "var(--line-strong)" }),
      ],
    }),
    [data],
  )
  if (!data || species.length === 0) return null
  return (
    <Panel id="series" title={t.series}>
      <p className="chart-legend" aria-hidden>
        {species.map((one) => (
          <span key={one.name}>
            <span className="swatch" style={{ background: colour(one.name) }} />
            {one.name}
          </span>
        ))}
      </p>
      <Chart
        label={t.seriesChart}
        name="species-over-time"
        height={220}
        draw={draw}
        csv={buildTableUrl(project.id, filter, "species-over-time", { step: data.step })}
        table={{
          columns: [t.month, ...species.map((one) => one.name)],
          rows: data.steps.map((day, at) => [
            formatPlainDay(day, { month: "short", year: "numeric" }),
            ...species.map((one) => one.events[at] ?? 0),
          ]),
        }}
      />
    </Panel>
  )
}
