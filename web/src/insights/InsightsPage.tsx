/** Insights: totals in one sentence, then rates, activity, effort and a map with one filter. */

import { useQuery } from "@tanstack/react-query"
import { useEffect, useMemo } from "react"
import { Link } from "wouter"
import type { InsightSummary } from "../api/types"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { showCurrentTab } from "../ui/currentTab"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { useUrlQuery } from "../ui/urlQuery"
import { ActivitySection } from "./ActivitySection"
import { EffortTable, TimelineSection } from "./EffortSection"
import { insightTexts as t } from "./en"
import { HealthSection } from "./HealthSection"
import {
  DEFAULT_INTERVAL,
  INTERVALS,
  type InsightFilter,
  parseInsightFilter,
} from "./insightFilter"
import { MapSection } from "./MapSection"
import { Choice } from "./Panel"
import { QualitySection } from "./QualitySection"
import { summaryQuery } from "./queries"
import { RichnessSection } from "./RichnessSection"
import { SpeciesTable } from "./SpeciesTable"
import { TrendSection } from "./TrendSection"
import "./insights.css"

/** Scroll the current tab into view; on a phone, the tabs are wider than the window. */
function showTab(tab: HTMLAnchorElement | null) {
  const row = tab?.parentElement
  if (tab && row && row.scrollWidth > row.clientWidth)
    row.scrollLeft = tab.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2
}

export type InsightPart = keyof typeof t.parts

const PARTS = Object.keys(t.parts) as InsightPart[]
/** Parts whose figures do not depend on events of the filter. */
const WITHOUT_EVENTS: InsightPart[] = ["quality", "health"]

export function InsightsPage({ part = "overview" }: { part?: string }) {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const filter = useMemo(() => parseInsightFilter(search), [search])
  const chosen = PARTS.find((one) => one === part) ?? "overview"
  const { data, error, refetch } = useQuery(summaryQuery(project.id, filter))
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const isIndependent = WITHOUT_EVENTS.includes(chosen)
  const isEmpty = data?.events === 0 && !isIndependent
  const isFiltered = Boolean(
    filter.start || filter.end || filter.taxon || filter.deployments.length > 0,
  )
  return (
    <div className="insights">
      <div className="page-head">
        <h1>{t.title}</h1>
      </div>
      {!isIndependent && <Filters filter={filter} summary={data} isFiltered={isFiltered} />}
      <nav className="tabs" aria-label={t.title} ref={showCurrentTab}>
        {PARTS.map((one) => (
          <Link
            key={one}
            className="tab"
            href={`${paths.insights(project.id, one === "overview" ? "" : one)}${search.size > 0 ? `?${search}` : ""}`}
            aria-current={one === chosen ? "page" : undefined}
            ref={one === chosen ? showTab : undefined}
          >
            {t.parts[one]}
          </Link>
        ))}
      </nav>
      {chosen === "quality" && <QualitySection />}
      {chosen === "health" && <HealthSection filter={filter} />}
      {error && !isIndependent && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && !isIndependent && <SkeletonRows rows={8} />}
      {data && data.events > 0 && !isIndependent && <Totals summary={data} />}
      {isEmpty && (
        <EmptyState title={t.emptyTitle} text={isFiltered ? t.emptyFiltered : t.empty}>
          {isFiltered ? (
            <Button
              onClick={() =>
                setSearch((next) => {
                  for (const name of ["from", "to", "deployment", "species"]) next.delete(name)
                })
              }
            >
              {t.clear}
            </Button>
          ) : (
            <LinkButton href={withSearch(paths.review(project.id), { reviewed: "false" })}>
              {t.review}
            </LinkButton>
          )}
        </EmptyState>
      )}
      {data && !isIndependent && (!isEmpty || chosen === "effort") && (
        <Content part={chosen} summary={data} filter={filter} />
      )}
    </div>
  )
}

function Content({
  part,
  summary,
  filter,
}: {
  part: InsightPart
  summary: InsightSummary
  filter: InsightFilter
}) {
  switch (part) {
    case "activity":
      return <ActivitySection filter={filter} />
    case "species":
      return (
        <>
          <SpeciesTable summary={summary} filter={filter} />
          <TrendSection filter={filter} />
          <RichnessSection filter={filter} />
        </>
      )
    case "effort":
      return (
        <>
          <TimelineSection summary={summary} />
          <EffortTable summary={summary} filter={filter} />
        </>
      )
    case "map":
      return <MapSection summary={summary} filter={filter} height={560} />
    default:
      return (
        <div className="insight-sheet">
          <div>
            <SpeciesTable short summary={summary} filter={filter} />
            <ActivitySection filter={filter} />
          </div>
          <div>
            <MapSection summary={summary} filter={filter} height={300} />
            <RichnessSection filter={filter} />
          </div>
        </div>
      )
  }
}

/** "269 events of 10 species in 412 camera-nights at 6 deployments." */
function Totals({ summary }: { summary: InsightSummary }) {
  const [before, of, during, at, end] = t.totals
  return (
    <p className="insight-lead" data-testid="totals">
      {before}
      <b>{t.events(summary.events)}</b>
      {of}
      <b>{t.speciesCount(summary.species_count)}</b>
      {during}
      <b>{t.nights(summary.nights)}</b>
      {at}
      <b>{t.deployments(summary.deployments_count)}</b>
      {end} <small>{t.reviewed(summary.reviewed_images, summary.images)}</small>
    </p>
  )
}

function Filters({
  filter,
  summary,
  isFiltered,
}: {
  filter: InsightFilter
  summary: InsightSummary | undefined
  isFiltered: boolean
}) {
  const project = useProject()
  const [, setSearch] = useUrlQuery()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const set = (name: string) => (value: string) =>
    setSearch((next) => (value ? next.set(name, value) : next.delete(name)), { replace: true })
  const names = new Set(summary?.species.map((one) => one.name) ?? [])
  if (filter.taxon) names.add(filter.taxon)
  return (
    <div className="insight-filters">
      <label>
        {t.from}
        <input
          className="input input-small"
          type="date"
          value={filter.start}
          max={filter.end || undefined}
          onChange={(event) => set("from")(event.target.value)}
        />
      </label>
      <label>
        {t.to}
        <input
          className="input input-small"
          type="date"
          value={filter.end}
          min={filter.start || undefined}
          onChange={(event) => set("to")(event.target.value)}
        />
      </label>
      <Choice
        label={t.deployment}
        value={filter.deployments.join(",")}
        options={[
          ["", t.allDeployments],
          ...(deployments?.results ?? []).map((one) => [one.id, one.name] as const),
        ]}
        onChange={set("deployment")}
      />
      <Choice
        label={t.species}
        value={filter.taxon}
        options={[["", t.allSpecies], ...[...names].map((name) => [name, name] as const)]}
        onChange={set("species")}
      />
      <span className="insight-filter">
        {t.interval}
        <Choice
          label={t.interval}
          value={String(filter.interval)}
          options={[...new Set([...INTERVALS, filter.interval])]
            .toSorted((a, b) => a - b)
            .map((one) => [String(one), t.minutes(one)])}
          onChange={(value) => set("interval")(value === String(DEFAULT_INTERVAL) ? "" : value)}
        />
      </span>
      {isFiltered && (
        <Button
          small
          kind="quiet"
          onClick={() =>
            setSearch(
              (next) => {
                for (const name of ["from", "to", "deployment", "species"]) next.delete(name)
              },
              { replace: true },
            )
          }
        >
          {t.clear}
        </Button>
      )}
    </div>
  )
}
