/** Rates at the places of the deployments: circles on a map, and the list behind it. */
import { useQuery } from "@tanstack/react-query"
import { Download, Table } from "lucide-react"
import { useMemo, useRef, useState } from "react"
import { Link } from "wouter"
import type { InsightSummary } from "../api/types"
import { LocationBadge } from "../deployments/LocationBadge"
import { deploymentsQuery } from "../deployments/queries"
import { useClassColour } from "../findings/classColours"
import { NO_FILTER } from "../images/queries"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { formatCsv, saveFile } from "../ui/charts/chartFiles"
import { chartTexts } from "../ui/charts/en"
import { CircleMap, type CircleMapHandle } from "../ui/map/CircleMap"
import { hasWebGl } from "../ui/map/webGl"
import { rateMapTexts as t } from "./en"
import type { InsightFilter } from "./insightFilter"
import { buildRateCircles, listRates, type PlaceRate } from "./mapRates"
import { Choice, formatRate, Panel } from "./Panel"

interface MapProps {
  summary: InsightSummary
  filter: InsightFilter
  height: number
}

export function MapSection({ summary, filter, height }: MapProps) {
  const project = useProject()
  const colour = useClassColour()
  const query = useQuery(deploymentsQuery(project.id))
  const { data } = query
  const [name, setName] = useState("")
  const rates = useMemo(
    () => (data ? listRates(summary, data.results, name) : []),
    [summary, data, name],
  )
  const placed = rates.filter((one) => one.latitude !== null && one.longitude !== null)
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
        <RateMap
          rates={rates}
          species={name}
          filter={filter}
          fill={name ? colour(name) : "var(--accent)"}
          height={height}
        />
      )}
    </Panel>
  )
}

interface RateMapProps {
  rates: PlaceRate[]
  species: string
  filter: InsightFilter
  fill: string
  height: number
}

function RateMap({ rates, species, filter, fill, height }: RateMapProps) {
  const [hasMap, setMap] = useState(hasWebGl)
  const [isOpen, setOpen] = useState(false)
  const [chosen, setChosen] = useState<string | null>(null)
  const handle = useRef<CircleMapHandle>(null)
  const circles = useMemo(() => buildRateCircles(rates, formatRate), [rates])
  const label = t.chart(species || t.every)
  const found = rates.find((one) => one.id === chosen)
  const list = (
    <RateList
      rates={rates}
      label={label}
      chosen={hasMap ? chosen : null}
      onChoose={hasMap ? setChosen : undefined}
    />
  )
  const saveCsv = () =>
    saveFile("map.csv", new Blob([formatCsv(buildTable(rates))], { type: "text/csv" }))
  return (
    <figure className="chart">
      {hasMap ? (
        <CircleMap
          handle={handle}
          circles={circles}
          fill={fill}
          label={label}
          height={height}
          chosen={chosen}
          onChoose={setChosen}
          onFailed={() => setMap(false)}
        />
      ) : (
        <p className="soft small">{t.noMap}</p>
      )}
      {hasMap && (
        <p className="rate-chosen" aria-live="polite">
          {found ? <RateSummary rate={found} species={species} filter={filter} /> : t.choose}
        </p>
      )}
      <figcaption className="chart-actions">
        {hasMap && (
          <Button
            small
            kind="quiet"
            icon={<Table size={14} aria-hidden />}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            {isOpen ? t.hideList : t.showList}
          </Button>
        )}
        <Button
          small
          kind="quiet"
          icon={<Download size={14} aria-hidden />}
          aria-label={chartTexts.downloadCsv}
          onClick={saveCsv}
        >
          {chartTexts.csv}
        </Button>
        {hasMap && (
          <Button
            small
            kind="quiet"
            aria-label={chartTexts.downloadPng}
            onClick={() => handle.current?.savePng("map")}
          >
            {chartTexts.png}
          </Button>
        )}
      </figcaption>
      {(isOpen || !hasMap) && list}
    </figure>
  )
}

/** "Ford: 5.0 per 100 camera-nights, 1 event. See images" */
function RateSummary({
  rate,
  species,
  filter,
}: Pick<RateMapProps, "species" | "filter"> & { rate: PlaceRate }) {
  const project = useProject()
  const search = {
    ...NO_FILTER,
    class: species,
    from: filter.start,
    to: filter.end,
    deployment: rate.id,
  }
  return (
    <>
      <b>{rate.name}</b> <LocationBadge precision={rate.precision} />
      {t.rateAt(formatRate(rate.rate), rate.events)}{" "}
      <Link href={withSearch(paths.images(project.id), search)}>{t.seeImages}</Link>
    </>
  )
}

interface RateListProps {
  rates: PlaceRate[]
  label: string
  chosen: string | null
  /** Select a deployment on the map; without a map, names are plain text. */
  onChoose?: (id: string | null) => void
}

function RateList({ rates, label, chosen, onChoose }: RateListProps) {
  return (
    <div className="chart-table" tabIndex={0} role="region" aria-label={label}>
      <table className="table rate-list">
        <thead>
          <tr>
            <th scope="col">{t.deployment}</th>
            <th scope="col" className="number">
              {t.rate}
            </th>
            <th scope="col" className="number">
              {t.events}
            </th>
          </tr>
        </thead>
        <tbody>
          {rates
            .toSorted((a, b) => (b.rate ?? -1) - (a.rate ?? -1) || a.name.localeCompare(b.name))
            .map((one) => (
              <tr key={one.id} className={one.id === chosen ? "rate-row-chosen" : undefined}>
                <td>
                  {onChoose && one.latitude !== null ? (
                    <button
                      type="button"
                      className="name rate-name"
                      aria-pressed={one.id === chosen}
                      onClick={() => onChoose(one.id === chosen ? null : one.id)}
                    >
                      {one.name}
                    </button>
                  ) : (
                    one.name
                  )}{" "}
                  <LocationBadge precision={one.precision} />
                </td>
                <td className="number">{formatRate(one.rate)}</td>
                <td className="number">{one.events}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  )
}

const buildTable = (rates: PlaceRate[]) => ({
  columns: [t.deployment, t.latitude, t.longitude, t.events, t.rate],
  rows: rates.map((one) => [
    one.name,
    one.latitude,
    one.longitude,
    one.events,
    one.rate === null ? null : Math.round(10 * one.rate) / 10,
  ]),
})
