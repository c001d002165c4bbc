/** Rates at the places of the deployments: circles by area, over land and a graticule. */
import { useQuery } from "@tanstack/react-query"
import type { GeoJsonObject } from "geojson"
import { useCallback, useEffect, useState } from "react"
import { useClassColour } from "../findings/classColours"
import { useProject } from "../projects/projectContext"
import { Chart, type Plot } from "../ui/charts/Chart"
import { formatPlainDay } from "../ui/time"
import { rateMapTexts as t } from "./en"
import { buildTableUrl, type InsightFilter } from "./insightFilter"
import { loadLand } from "./land"
import { listRates, type PlaceRate } from "./mapRates"
import { Choice, formatRate, Notes, Panel } from "./Panel"
import { mapQuery } from "./queries"

/** Radius in pixels of the largest rate. */
const LARGEST = 22

export function MapSection({ filter, height }: { filter: InsightFilter; height: number }) {
  const project = useProject()
  const colour = useClassColour()
  const query = useQuery(mapQuery(project.id, filter))
  const { data } = query
  const [land, setLand] = useState<GeoJsonObject | null>(null)
  const [name, setName] = useState("")
  const [step, setStep] = useState("")
  useEffect(() => {
    // Without land, the map is still complete.
    loadLand()
      .then(setLand)
      .catch(() => undefined)
  }, [])
  const rates = data ? listRates(data, name, step) : []
  const placed = rates.filter((one) => one.latitude !== null && one.longitude !== null)
  const fill = name ? colour(name) : "var(--accent)"
  // biome-ignore lint/correctness/useExhaustiveDependencies: rates change with the data and choices
  const draw = useCallback(
    (plot: Plot) => buildMap(plot, placed, land, fill),
    [data, land, name, step],
  )
  return (
    <Panel
      id="map"
      query={query}
      title={t.title}
      controls={
        data &&
        placed.length > 0 && (
          <>
            <Choice
              label={t.species}
              value={name}
              options={[["", t.every], ...data.species.map((one) => [one.name, one.name] as const)]}
              onChange={setName}
            />
            <Choice
              label={t.period}
              value={step}
              options={[
                ["", t.allTime],
                ...data.steps.map((day) => [day, formatMonth(day)] as const),
              ]}
              onChange={setStep}
            />
          </>
        )
      }
      foot={
        data && (
          <>
            {placed.length > 0 && <p>{t.legend}</p>}
            {rates.length > placed.length && <p>{t.noPlace(rates.length - placed.length)}</p>}
            <Notes notes={data.notes.filter((note) => note.code !== "without_coordinates")} />
          </>
        )
      }
    >
      {data && placed.length === 0 && <p className="insight-empty">{t.nonePlaced}</p>}
      {placed.length > 0 && (
        <Chart
          label={t.chart(name || t.every)}
          name="map"
          height={height}
          draw={draw}
          csv={buildTableUrl(project.id, filter, "map")}
          table={{
            columns: [t.title, t.latitude, t.longitude, t.events, t.rate],
            rows: rates.map((one) => [
              one.name,
              one.latitude,
              one.longitude,
              one.events,
              one.rate === null ? null : formatRate(one.rate),
            ]),
          }}
        />
      )}
    </Panel>
  )
}

const formatMonth = (day: string) => formatPlainDay(day, { month: "short", year: "numeric" })

function buildMap(plot: Plot, placed: PlaceRate[], land: GeoJsonObject | null, fill: string) {
  const at = { x: "longitude", y: "latitude" } as const
  const some = placed.filter((one) => (one.rate ?? 0) > 0)
  const none = placed.filter((one) => !((one.rate ?? 0) > 0))
  const label = (one: PlaceRate) => `${one.name} ${formatRate(one.rate)}`
  return {
    projection: { type: "mercator" as const, domain: buildDomain(placed), inset: 4 },
    r: { range: [0, LARGEST], zero: true },
    marks: [
      ...(land ? [plot.geo(land, { fill: "var(--sunken)", stroke: "var(--line-strong)" })] : []),
      plot.graticule({ stroke: "var(--line)", strokeOpacity: 1 }),
      plot.dot(none, { ...at, r: 4, stroke: "var(--ink-soft)", strokeWidth: 1.5 }),
      plot.dot(some, {
        ...at,
        r: "rate",
        fill,
        fillOpacity: 0.6,
        stroke: fill,
        strokeWidth: 1.5,
        title: label,
      }),
      plot.text(placed, {
        ...at,
        text: label,
        dx: LARGEST + 2,
        textAnchor: "start",
        fill: "var(--ink)",
        stroke: "var(--surface)",
        strokeWidth: 4,
      }),
    ],
  }
}

/** Return the corners of the map: all places with a margin, at least about 2 km. */
function buildDomain(placed: PlaceRate[]): GeoJsonObject {
  const limits = (values: number[]) => {
    const [low, high] = [Math.min(...values), Math.max(...values)]
    const margin = Math.max(0.01, 0.25 * (high - low))
    return [low - margin, high + margin] as const
  }
  const [west, east] = limits(placed.map((one) => one.longitude ?? 0))
  const [south, north] = limits(placed.map((one) => one.latitude ?? 0))
  const coordinates = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ]
  return { type: "MultiPoint", coordinates } as GeoJsonObject
}
