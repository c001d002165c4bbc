/** The deployments' days with images, their gaps, and their effort as a table. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useCallback } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import type { DeploymentEffort, InsightSummary } from "../api/types"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Chart, CsvLink, type Plot } from "../ui/charts/Chart"
import { formatCount, formatDecimal } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { addDays, formatDay } from "../ui/time"
import { effortTexts as t } from "./en"
import { buildTableUrl, type InsightFilter } from "./insightFilter"
import { Panel } from "./Panel"

const ROW_HEIGHT = 26

interface Span {
  name: string
  from: Date
  until: Date
}

export function TimelineSection({ summary }: { summary: InsightSummary }) {
  const deployments = summary.deployments.filter((one) => listDays(one) !== null)
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const all = summary.deployments.filter((one) => listDays(one) !== null)
      const bars = { x1: "from", x2: "until", y: "name" }
      return {
        marginLeft: width < 480 ? 96 : 150,
        marginBottom: 30,
        x: { type: "utc" as const, label: null, grid: true },
        y: { label: null, domain: all.map((one) => one.name), padding: 0.3 },
        marks: [
          plot.barX(
            all.flatMap((one) => {
              const days = listDays(one)
              return days ? [span(one.name, days[0], days[1])] : []
            }),
            { ...bars, fill: "var(--accent)" },
          ),
          plot.barX(
            all.flatMap((one) => one.gaps.map((gap) => span(one.name, gap.start, gap.end))),
            { ...bars, fill: "var(--amber-wash)", stroke: "var(--amber)", strokeDasharray: "3 3" },
          ),
        ],
      }
    },
    [summary],
  )
  if (deployments.length === 0) return null
  return (
    <Panel id="timeline" title={t.title}>
      <p className="chart-legend" aria-hidden>
        {Object.entries(t.legend).map(([kind, text]) => (
          <span key={kind}>
            <span className={`swatch swatch-${kind}`} />
            {text}
          </span>
        ))}
      </p>
      <Chart
        label={t.chart}
        name="timeline"
        height={60 + ROW_HEIGHT * deployments.length}
        draw={draw}
        table={{
          columns: [t.deployment, t.start, t.end, t.images, t.gaps],
          rows: deployments.map((one) => [
            one.name,
            ...(listDays(one) ?? [null, null]),
            one.images,
            one.gap_days,
          ]),
        }}
      />
    </Panel>
  )
}

/** The first and the last day of a deployment: its period, or that of its images. */
function listDays(one: DeploymentEffort): [string, string] | null {
  const start = one.start ?? one.first_image_at
  const end = one.end ?? one.last_image_at
  return start && end ? [start.slice(0, 10), end.slice(0, 10)] : null
}

const span = (name: string, start: string, end: string): Span => ({
  name,
  from: new Date(start),
  until: new Date(addDays(end, 1)),
})

export function EffortTable({
  summary,
  filter,
}: {
  summary: InsightSummary
  filter: InsightFilter
}) {
  const project = useProject()
  return (
    <Panel
      id="effort"
      title={t.table}
      controls={<CsvLink href={buildTableUrl(project.id, filter, "deployments")} />}
    >
      <div className="insight-scroll" tabIndex={0} role="region" aria-label={t.table}>
        <table className="table">
          <thead>
            <tr>
              <th>{t.deployment}</th>
              <th>{t.state}</th>
              <th>{t.start}</th>
              <th>{t.end}</th>
              <th className="number">{t.nights}</th>
              <th className="number">{t.images}</th>
              <th className="number">{t.gaps}</th>
            </tr>
          </thead>
          <tbody>
            {summary.deployments.map((one) => (
              <EffortRow key={one.deployment_id} one={one} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}

function EffortRow({ one }: { one: DeploymentEffort }) {
  const project = useProject()
  const client = useQueryClient()
  const end = useMutation({
    mutationFn: (at: string) =>
      unwrap(
        api.PATCH("/api/v2/deployments/{deployment_id}", {
          params: { path: { deployment_id: one.deployment_id } },
          body: { ended_at: at, redate_images: false },
        }),
      ),
    onSuccess: () => {
      showToast(t.ended(one.name))
      void client.invalidateQueries({ queryKey: ["insight", project.id] })
      void client.invalidateQueries({ queryKey: ["deployment", project.id] })
    },
  })
  const { suggested_end: suggested } = one
  return (
    <tr>
      <td>
        <Link className="name" href={paths.deployment(project.id, one.deployment_id)}>
          {one.name}
        </Link>
      </td>
      <td>{t.states[one.state] ?? one.state}</td>
      <td>{one.start && formatDay(one.start)}</td>
      <td>
        {one.end && formatDay(one.end)}
        {suggested && canManage(project) && (
          <Button
            small
            busy={end.isPending}
            title={t.suggestHint}
            onClick={() => end.mutate(suggested)}
          >
            {t.suggest(formatDay(suggested))}
          </Button>
        )}
      </td>
      <td className="number">
        {formatDecimal(one.nights, 1)}
        {one.estimated && "*"}
      </td>
      <td className="number">{formatCount(one.images)}</td>
      <td className="number">{formatCount(one.gap_days)}</td>
    </tr>
  )
}
