/** Activity of one or two species over the day, with their overlap. */
import { useQuery } from "@tanstack/react-query"
import { useCallback } from "react"
import { useClassColour } from "../findings/classColours"
import { useProject } from "../projects/projectContext"
import { Chart, CsvLink, type Plot } from "../ui/charts/Chart"
import { formatDecimal } from "../ui/en"
import { useUrlQuery } from "../ui/urlQuery"
import { activityTexts as t } from "./en"
import { buildTableUrl, type InsightFilter } from "./insightFilter"
import { Choice, Notes, Panel } from "./Panel"
import { activityQuery, type DayTime, overlapQuery } from "./queries"

const HOURS = Array.from({ length: 24 }, (_, hour) => hour)
const DUSK = 18
const DAWN = 6
/** Notes that this panel states with its own figures. */
const OWN_NOTES = new Set(["few_events", "without_coordinates"])

export function ActivitySection({ filter }: { filter: InsightFilter }) {
  const project = useProject()
  const colour = useClassColour()
  const [search, setSearch] = useUrlQuery()
  const time: DayTime = search.get("time") === "solar" ? "solar" : "clock"
  const query = useQuery(activityQuery(project.id, filter, time))
  const { data } = query
  const curves = data?.curves ?? []
  const first = curves.find((one) => one.name === search.get("first")) ?? curves[0]
  const second = curves.find((one) => one.name === search.get("second") && one.name !== first?.name)
  const { data: overlap } = useQuery({
    ...overlapQuery(project.id, filter, time, first?.name ?? "", second?.name ?? ""),
    enabled: Boolean(first && second),
  })
  const set = (name: string) => (value: string) =>
    setSearch((next) => (value ? next.set(name, value) : next.delete(name)), { replace: true })
  const shown = [first, second].filter((one) => one !== undefined)
  const step = data?.step_hours ?? 0.25
  // biome-ignore lint/correctness/useExhaustiveDependencies: the curves change only with the data
  const draw = useCallback(
    (plot: Plot, width: number) => ({
      marginLeft: 36,
      marginBottom: 34,
      x: {
        domain: [0, 24],
        ticks: width < 480 ? [0, 6, 12, 18, 24] : [0, 3, 6, 9, 12, 15, 18, 21, 24],
        tickFormat: (hour: number) => `${String(hour).padStart(2, "0")}:00`,
        label: null,
      },
      y: { label: null, grid: true, zero: true, ticks: 4 },
      marks: [
        ...(time === "solar"
          ? [
              plot.rect([[0, DAWN] as const, [DUSK, 24] as const], {
                x1: (one: readonly [number, number]) => one[0],
                x2: (one: readonly [number, number]) => one[1],
                fill: "var(--sunken)",
              }),
            ]
          : []),
        ...shown.flatMap((one, at) => {
          const stroke = colour(one.name)
          const dashes = at === 1 ? "6 4" : undefined
          const bars = HOURS.map((hour) => ({
            hour,
            share: one.events > 0 ? (one.hours[hour] ?? 0) / one.events : 0,
          }))
          const points = (one.density ?? []).map((density, index) => ({
            hour: index * step,
            density,
          }))
          if (points[0]) points.push({ hour: 24, density: points[0].density })
          return [
            plot.rectY(bars, {
              x1: (bar: { hour: number }) => bar.hour + 0.08 + (shown.length > 1 ? at * 0.46 : 0),
              x2: (bar: { hour: number }) =>
                bar.hour + (shown.length > 1 ? 0.46 + at * 0.46 : 0.92),
              y: "share",
              fill: stroke,
              fillOpacity: 0.28,
            }),
            plot.line(points, {
              x: "hour",
              y: "density",
              stroke,
              strokeWidth: 2.5,
              strokeDasharray: dashes,
            }),
            plot.dot(one.times, {
              x: (hour: number) => hour,
              frameAnchor: "bottom",
              dy: -4 - 6 * at,
              r: 1.5,
              fill: stroke,
            }),
          ]
        }),
        plot.ruleY([0], { stroke: "var(--line-strong)" }),
      ],
    }),
    [first, second, time, step],
  )
  const names = shown.map((one) => one.name)
  const options = curves.map((one) => [one.name, one.name] as const)
  const table = {
    columns: [
      t.hour,
      ...shown.map((one) => t.count(one.name)),
      ...shown.map((one) => t.density(one.name)),
    ],
    rows: HOURS.map((hour) => [
      hour,
      ...shown.map((one) => one.hours[hour] ?? 0),
      ...shown.map((one) => one.density?.[Math.round(hour / step)] ?? null),
    ]),
  }
  const few = shown.filter((one) => one.density === null)
  const curve = shown.some((one) => one.density)
  return (
    <Panel
      id="activity"
      query={query}
      title={t.title}
      controls={
        first && (
          <>
            <Choice label={t.first} value={first.name} options={options} onChange={set("first")} />
            <Choice
              label={t.second}
              value={second?.name ?? ""}
              options={[["", t.noSecond], ...options.filter(([name]) => name !== first.name)]}
              onChange={set("second")}
            />
            <Choice
              label={t.time}
              value={time}
              options={[
                ["clock", t.clock],
                ["solar", t.solar],
              ]}
              onChange={(next) => set("time")(next === "solar" ? next : "")}
            />
          </>
        )
      }
      foot={
        <>
          {few.map((one) => (
            <p key={one.name}>{t.tooFew(one.name, one.events)}</p>
          ))}
          {overlap && overlap.estimates.length > 0 && (
            <p>{t.bootstrap(overlap.replicates, overlap.seed)}</p>
          )}
          {curve && <p>{t.method}</p>}
          {shown.map(
            (one) =>
              one.concentration !== null && (
                <p key={one.name}>{t.bandwidth(one.name, formatDecimal(one.concentration, 1))}</p>
              ),
          )}
          <p>{time === "solar" ? t.solarHint : t.clockHint}</p>
          {data !== undefined && data.deployments_left_out > 0 && (
            <p>{t.leftOut(data.deployments_left_out)}</p>
          )}
          <Notes notes={(data?.notes ?? []).filter((note) => !OWN_NOTES.has(note.code))} />
        </>
      }
    >
      {first && (
        <>
          <p className="chart-legend" aria-hidden>
            {shown.map((one, at) => (
              <span key={one.name}>
                <svg width="26" height="8" aria-hidden>
                  <path
                    d="M0 4H26"
                    stroke={colour(one.name)}
                    strokeWidth="3"
                    strokeDasharray={at === 1 ? "6 4" : undefined}
                  />
                </svg>
                {one.name}
              </span>
            ))}
          </p>
          {second && overlap && overlap.estimates.length > 0 && (
            <p className="overlap" data-testid="overlap">
              {overlap.estimates.map((one) => (
                <span key={one.estimator}>
                  <b>{t.overlap(one.estimator, formatDecimal(one.value, 2))}</b>{" "}
                  {t.overlapInterval(
                    formatDecimal(one.interval.low, 2),
                    formatDecimal(one.interval.high, 2),
                    overlap.first.events,
                    overlap.second.events,
                  )}{" "}
                </span>
              ))}
              <CsvLink
                href={buildTableUrl(project.id, filter, "overlap", {
                  first: overlap.first.name,
                  second: overlap.second.name,
                  time,
                })}
              />
            </p>
          )}
          <Chart
            label={t.chart(names.join(", "))}
            name="activity"
            height={232}
            draw={draw}
            table={table}
            csv={buildTableUrl(project.id, filter, "activity", { time })}
          />
        </>
      )}
    </Panel>
  )
}
