/** Confidence of a model: reliability, thresholds for a recall, and two models compared. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useCallback, useState } from "react"
import { api } from "../api/client"
import type { ReviewedModel } from "../api/types"
import { observationSettingsQuery, unwrapVersion } from "../observations/queries"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Chart, type Plot } from "../ui/charts/Chart"
import { formatCount, formatDecimal } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { qualityTexts as t } from "./en"
import { buildQualityUrl } from "./insightFilter"
import { Choice, formatPercent, Notes, Panel } from "./Panel"
import { modelComparisonQuery, reliabilityQuery, thresholdQuery } from "./queries"

const RECALLS = [0.8, 0.9, 0.95, 0.99]

export function ReliabilityPanel({ source }: { source: string }) {
  const project = useProject()
  const query = useQuery(reliabilityQuery(project.id, source))
  const { data } = query
  const draw = useCallback(
    (plot: Plot) => {
      const points = (data?.ranges ?? []).flatMap((bin) =>
        bin.correct.value === null
          ? []
          : [
              {
                confidence: bin.mean_confidence ?? (bin.low + bin.high) / 2,
                correct: bin.correct.value,
                low: bin.correct.interval?.low ?? bin.correct.value,
                high: bin.correct.interval?.high ?? bin.correct.value,
              },
            ],
      )
      const stroke = "var(--accent)"
      const label = { labelAnchor: "center" as const, labelArrow: "none" as const }
      return {
        marginLeft: 44,
        marginBottom: 38,
        x: { domain: [0, 1], label: t.confidence, ticks: 5, ...label },
        y: { domain: [0, 1], label: t.correct, grid: true, ticks: 5, ...label },
        marks: [
          plot.link([0], {
            x1: 0,
            y1: 0,
            x2: 1,
            y2: 1,
            stroke: "var(--line-strong)",
            strokeDasharray: "3 3",
          }),
          plot.ruleX(points, { x: "confidence", y1: "low", y2: "high", stroke }),
          plot.line(points, { x: "confidence", y: "correct", stroke, strokeWidth: 2 }),
          plot.dot(points, { x: "confidence", y: "correct", fill: stroke, r: 4 }),
        ],
      }
    },
    [data],
  )
  return (
    <Panel
      id="reliability"
      query={query}
      title={t.reliability}
      foot={
        data && (
          <>
            <p>{t.reliabilityHint}</p>
            <p>{t.basis(data.random, data.images)}</p>
          </>
        )
      }
    >
      {data && (
        <Chart
          label={t.reliabilityChart}
          name="reliability"
          height={260}
          draw={draw}
          csv={buildQualityUrl(project.id, source, "reliability")}
          table={{
            columns: [t.confidence, t.correct, t.cases],
            rows: data.ranges.map((bin) => [
              `${formatDecimal(bin.low, 1)}–${formatDecimal(bin.high, 1)}`,
              formatPercent(bin.correct.value),
              bin.correct.whole,
            ]),
          }}
        />
      )}
    </Panel>
  )
}

export function ThresholdPanel({ source, classes }: { source: string; classes: string[] }) {
  const project = useProject()
  const client = useQueryClient()
  const [chosen, setChosen] = useState("")
  const [recall, setRecall] = useState("0.95")
  const name = classes.includes(chosen) ? chosen : (classes[0] ?? "")
  const query = useQuery({
    ...thresholdQuery(project.id, source, name, Number(recall)),
    enabled: name !== "",
  })
  const { data } = query
  const { data: settings } = useQuery(observationSettingsQuery(project.id))
  const apply = useMutation({
    mutationFn: (class_thresholds: Record<string, number>) =>
      unwrapVersion(
        api.PATCH("/api/v2/projects/{project_id}/observation-settings", {
          params: { path: { project_id: project.id } },
          headers: { "If-Match": settings?.version ?? "" },
          body: { class_thresholds },
        }),
      ),
    onSuccess: (stored) => {
      client.setQueryData(observationSettingsQuery(project.id).queryKey, stored)
      showToast(t.applied)
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["insight", project.id] }),
  })
  if (name === "") return null
  const thresholds = data?.class_thresholds
  return (
    <Panel
      id="threshold"
      query={query}
      title={t.threshold}
      controls={
        <>
          <Choice
            label={t.species}
            value={name}
            options={classes.map((one) => [one, one])}
            onChange={setChosen}
          />
          <Choice
            label={t.recallWanted}
            value={recall}
            options={RECALLS.map((one) => [String(one), t.recallOf(formatPercent(one))])}
            onChange={setRecall}
          />
        </>
      }
      foot={data && <p>{t.basis(data.random, data.images)}</p>}
    >
      {data && (
        <p data-testid="threshold">
          {data.threshold === null
            ? t.noSuggestion
            : t.suggestion(
                formatDecimal(data.threshold, 2),
                formatPercent(data.reached.value),
                formatPercent(data.precision.value),
              )}{" "}
          <span className="soft">{t.current(formatDecimal(data.current_threshold, 2))}</span>
        </p>
      )}
      {data && data.threshold !== null && thresholds && canManage(project) && (
        <Button
          kind="accent"
          busy={apply.isPending}
          disabled={!settings || data.threshold === data.current_threshold}
          onClick={() => apply.mutate(thresholds)}
        >
          {t.apply(formatDecimal(data.threshold, 2))}
        </Button>
      )}
    </Panel>
  )
}

export function ComparisonPanel({
  source,
  versions,
}: {
  source: string
  versions: ReviewedModel[]
}) {
  const project = useProject()
  const others = versions.filter((one) => one.source !== source)
  const [chosen, setChosen] = useState("")
  const other = others.find((one) => one.source === chosen) ?? others[0]
  const query = useQuery({
    ...modelComparisonQuery(project.id, source, other?.source ?? ""),
    enabled: other !== undefined,
  })
  if (!other) return null
  const { data } = query
  const first = versions.find((one) => one.source === source)?.name ?? source
  return (
    <Panel
      id="comparison"
      query={query}
      title={t.comparison}
      controls={
        <Choice
          label={t.compareWith}
          value={other.source}
          options={others.map((one) => [one.source, one.name])}
          onChange={setChosen}
        />
      }
      foot={
        data && (
          <>
            <p>{t.basis(data.random, data.images)}</p>
            <Notes notes={data.notes.filter((note) => note.code !== "no_audit_sample")} />
          </>
        )
      }
    >
      {data && data.images === 0 && <p className="insight-empty">{t.noPairs}</p>}
      {data && data.images > 0 && (
        <>
          <table className="table comparison-table">
            <tbody>
              {(
                [
                  [t.bothCorrect, data.both],
                  [t.onlyCorrect(first), data.only_first],
                  [t.onlyCorrect(other.name), data.only_second],
                  [t.noneCorrect, data.neither],
                ] as const
              ).map(([label, images]) => (
                <tr key={label}>
                  <th scope="row">{label}</th>
                  <td className="number">{formatCount(images)}</td>
                  <td className="number">{formatPercent(images / data.images)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p data-testid="mcnemar">
            {t.mcnemar(formatDecimal(data.p_value ?? 1, 3), (data.p_value ?? 1) < 0.05)}
          </p>
        </>
      )}
    </Panel>
  )
}
