/** Accumulation of species over camera-nights. */
import { useQuery } from "@tanstack/react-query"
import { useCallback } from "react"
import { useProject } from "../projects/projectContext"
import { Chart, type Plot } from "../ui/charts/Chart"
import { formatDecimal } from "../ui/en"
import { insightTexts, richnessTexts as t } from "./en"
import { buildTableUrl, type InsightFilter } from "./insightFilter"
import { Notes, Panel } from "./Panel"
import { accumulationQuery } from "./queries"

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
          ...(chao2
            ? [plot.ruleY([chao2.value], { stroke: "var(--amber)", strokeDasharray: "2 4" })]
            : []),
          plot.areaY(steps, {
            x: "units",
            y1: "low",
            y2: "high",
            fill: "var(--accent)",
            fillOpacity: 0.14,
          }),
          plot.line(steps, {
            x: "units",
            y: "observed",
            stroke: "var(--ink-soft)",
            strokeDasharray: "4 3",
            curve: "step-after" as const,
          }),
          plot.line(steps, {
            x: "units",
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
              step.units,
              step.observed,
              ...[step.expected, step.low, step.high].map((one) => Math.round(one * 100) / 100),
            ]),
          }}
        />
      )}
    </Panel>
  )
}
