/** Rates at the places of the deployments: circles by area, over land and a graticule. */
import { useQuery } from "@tanstack/react-query"
import type { GeoJsonObject } from "geojson"
import { useCallback, useEffect, useState } from "react"
import type { InsightSummary } from "../api/types"
import { deploymentsQuery } from "../deployments/queries"
import { useClassColour } from "../findings/classColours"
import { useProject } from "../projects/projectContext"
import { Chart, type Plot } from "../ui/charts/Chart"
import { rateMapTexts as t } from "./en"
import { loadLand } from "./land"
import { listRates, type PlaceRate } from "./mapRates"
import { Choice, formatRate, Panel } from "./Panel"

/** Radius in pixels of the largest rate. */
const LARGEST = 22

interface MapProps {
  summary: InsightSummary
  height: number
}

export function MapSection({ summary, height }: MapProps) {
  const project = useProject()
  const colour = useClassColour()
  const query = useQuery(deploymentsQuery(project.id))
  const { data } = query
  const [land, setLand] = useState<GeoJsonObject | null>(null)
  const [name, setName] = useState("")
  useEffect(() => {
    // Without land, the map is still complete.
    loadLand()
      .then(setLand)
      .catch(() => undefined)
  }, [])
  const rates = data ? listRates(summary, data.results, name) : []
  const placed = rates.filter((one) => one.latitude !== null && one.longitude !== null)
  const fill = name ? colour(name) : "var(--accent)"
  // biome-ignore lint/correctness/useExhaustiveDependencies: rates change with the data and choices
  const draw = useCallback(
    (plot: Plot) => buildMap(plot, placed, land, fill),
    [data, summary, land, name],
  )
  return (
    <Panel
      id="map"
      title={t.title}
      query={query}
      controls={
        placed.length > 0 && (
          <Choice
            label={t.species}
            value={name}
            options={[
              ["", t.every],
              ...summary.species.map((one) => [one.name, one.name] as const),
            ]}
            onChange={setName}
          />
        )
      }
      foot={
        data && (
          <>
            {placed.length > 0 && <p>{t.legend}</p>}
            {placed.length > 0 && rates.length > placed.length && (
              <p>{t.noPlace(rates.length - placed.length)}</p>
            )}
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
          table={{
            columns: [t.deployment, t.latitude, t.longitude, t.events, t.rate],
            rows: rates.map((one) => [
              one.name,
              one.latitude,
              one.longitude,
              one.events,
              one.rate === null ? null : Math.round(10 * one.rate) / 10,
            ]),
          }}
        />
      )}
    </Panel>
  )
}

function buildMap(plot: Plot, placed: PlaceRate[], land: GeoJsonObject | null, fill: string) {
  const at = { x: "longitude", y: "latitude" } as const
  const some = placed.filter((one) => (one.rate ?? 0) > 0)
  const none = placed.filter((one) => !((one.rate ?? 0) > 0))
  // Names are on the side with more room.
  const longitudes = placed.map((one) => one.longitude ?? 0)
  const middle = (Math.min(...longitudes) + Math.max(...longitudes)) / 2
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
      ...[false, true].map((isEast) =>
        plot.text(
          placed.filter((one) => (one.longitude ?? 0) > middle === isEast),
          {
            ...at,
            text: label,
            dx: isEast ? -LARGEST - 2 : LARGEST + 2,
            textAnchor: isEast ? ("end" as const) : ("start" as const),
            fill: "var(--ink)",
            stroke: "var(--surface)",
            strokeWidth: 4,
          },
        ),
      ),
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
