/** The table of species and deployments; a cell opens the images that it counts. */
import { type CSSProperties, useState } from "react"
import { Link } from "wouter"
import type { InsightSummary, SpeciesSummary } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { NO_FILTER } from "../images/queries"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { CsvLink } from "../ui/charts/Chart"
import { formatCount } from "../ui/en"
import { formatDay } from "../ui/time"
import { insightTexts, tableTexts as t } from "./en"
import { buildTableUrl, type InsightFilter } from "./insightFilter"
import { Choice, formatRate, IntervalBar, Notes, Panel } from "./Panel"

type Measure = keyof typeof t.measures

const FIRST_ROWS = 12
/** Shade of the largest value; text keeps its contrast up to it. */
const MOST_SHADE = 48

export function SpeciesTable({
  summary,
  filter,
  short,
}: {
  summary: InsightSummary
  filter: InsightFilter
  /** Whether the dates are left out. */
  short?: boolean
}) {
  const project = useProject()
  const [measure, setMeasure] = useState<Measure>("rate")
  const [isWhole, setWhole] = useState(false)
  const species = isWhole ? summary.species : summary.species.slice(0, FIRST_ROWS)
  const sites = summary.deployments.filter((one) => one.nights > 0 || one.events > 0)
  const values = summary.species.flatMap((one) => one.cells.map((cell) => cell[measure] ?? 0))
  const most = Math.max(1e-9, ...values)
  const mostRate = Math.max(
    1e-9,
    ...summary.species.map((one) => one.interval?.high ?? one.rate ?? 0),
  )
  const left = summary.species.length - species.length
  return (
    <Panel
      id="species-table"
      title={t.title}
      controls={
        <>
          <Choice
            label={t.measure}
            value={measure}
            options={Object.entries(t.measures)}
            onChange={(next) => setMeasure(next as Measure)}
          />
          <CsvLink href={buildTableUrl(project.id, filter, "species-by-deployment")} />
        </>
      }
      foot={
        <>
          <p>
            {filter.interval === 0 ? t.eventEach : t.event(insightTexts.minutes(filter.interval))}
          </p>
          {sites.some((one) => one.estimated) && <p>* {t.estimated}</p>}
          <Notes notes={summary.notes.filter((note) => note.code !== "no_observations")} />
        </>
      }
    >
      <div className="insight-scroll" tabIndex={0} role="region" aria-label={t.title}>
        <table className="species-table">
          <thead>
            <tr>
              <td />
              {sites.map((one) => (
                <th key={one.deployment_id} scope="col">
                  {one.name}
                </th>
              ))}
              <th scope="col">{t.eventCount}</th>
              <th scope="col">{t.rate}</th>
              <th scope="col">{t.sites}</th>
              {!short && <th scope="col">{t.firstLast}</th>}
            </tr>
            <tr className="species-nights">
              <th scope="row">{t.cameraNights}</th>
              {sites.map((one) => (
                <td key={one.deployment_id}>
                  {formatCount(Math.round(one.nights))}
                  {one.estimated && <span title={t.estimated}>*</span>}
                </td>
              ))}
              <td />
              <td>{formatCount(Math.round(summary.nights))}</td>
              <td />
              {!short && <td />}
            </tr>
          </thead>
          <tbody>
            {species.map((one) => (
              <SpeciesRow
                key={one.name}
                one={one}
                sites={sites}
                measure={measure}
                most={most}
                mostRate={mostRate}
                filter={filter}
                short={short}
              />
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <Button small kind="quiet" onClick={() => setWhole(true)}>
          {t.more(left)}
        </Button>
      )}
    </Panel>
  )
}

interface RowProps {
  one: SpeciesSummary
  sites: InsightSummary["deployments"]
  measure: Measure
  most: number
  mostRate: number
  filter: InsightFilter
  short?: boolean
}

function SpeciesRow({ one, sites, measure, most, mostRate, filter, short }: RowProps) {
  const project = useProject()
  const colour = useClassColour()
  const cells = new Map(one.cells.map((cell) => [cell.deployment_id, cell]))
  const chosen = { ...NO_FILTER, class: one.name, from: filter.start, to: filter.end }
  return (
    <tr>
      <th scope="row" className={one.is_species ? undefined : "soft"}>
        <span className="swatch" style={{ background: colour(one.name) }} />
        <Link
          href={withSearch(paths.images(project.id), {
            ...chosen,
            deployment: filter.deployments.join(","),
          })}
        >
          {one.name}
        </Link>
      </th>
      {sites.map((site) => {
        const cell = cells.get(site.deployment_id)
        if (!cell)
          return (
            <td key={site.deployment_id} className="species-zero">
              0
            </td>
          )
        const value = cell[measure]
        const text =
          measure === "rate" ? formatRate(cell.rate) : formatCount(Math.round(value ?? 0))
        const shade = Math.round(6 + (MOST_SHADE - 6) * Math.sqrt((value ?? 0) / most))
        return (
          <td key={site.deployment_id}>
            <Link
              className="species-cell"
              style={{ "--shade": `${shade}%` } as CSSProperties}
              href={withSearch(paths.images(project.id), {
                ...chosen,
                deployment: site.deployment_id,
              })}
              aria-label={t.cell(one.name, site.name, text, t.measures[measure])}
            >
              {text}
            </Link>
          </td>
        )
      })}
      <td>
        <b>{formatCount(one.events)}</b>
      </td>
      <td>
        <div className="species-rate" title={one.interval ? undefined : t.noInterval}>
          <IntervalBar
            value={one.rate}
            interval={one.interval}
            most={mostRate}
            format={formatRate}
          />
          <span>
            {formatRate(one.rate)}
            {one.interval && !short && (
              <small className="soft">
                {" "}
                ({formatRate(one.interval.low)}–{formatRate(one.interval.high)})
              </small>
            )}
          </span>
        </div>
      </td>
      <td>
        {one.deployments}/{sites.length}
      </td>
      {!short && (
        <td className="soft">
          {formatDay(one.first_seen)} – {formatDay(one.last_seen)}
        </td>
      )}
    </tr>
  )
}
