/** The sources of a project, failing ones first. */
import { useQuery } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect } from "react"
import { Link } from "wouter"
import type { Source } from "../api/types"
import { paths, withSearch } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { LinkButton } from "../ui/Button"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import "./sources.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatImages } from "../images/en"
import { formatCount } from "../ui/en"
import { Timestamp } from "../ui/time"
import { formatSchedule, sourceTexts } from "./en"
import { sourcesQuery } from "./queries"
import { sourceStateTexts } from "./state/en"
import { HealthTag, isUnhealthy } from "./statusTags"

export function SourcesPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery(sourcesQuery(project.id))
  const t = sourceTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const add = canManage(project) && (
    <LinkButton
      kind="accent"
      icon={<Plus size={15} aria-hidden />}
      href={paths.newSource(project.id)}
    >
      {t.add}
    </LinkButton>
  )
  const failing = data?.results.filter((source) => isUnhealthy(source.health)) ?? []
  const others = data?.results.filter((source) => !isUnhealthy(source.health)) ?? []
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{t.title}</h1>
        <div className="actions">{add}</div>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && (
        <EmptyState title={t.noneTitle} text={add ? t.none : `${t.none} ${t.onlyManagers}`}>
          {add}
        </EmptyState>
      )}
      {failing.length > 0 && (
        <p className="amber" style={{ marginBottom: 10 }}>
          {t.failing(failing.length)}
        </p>
      )}
      <ul className="rows">
        {[...failing, ...others].map((source) => (
          <SourceRow key={source.id} source={source} />
        ))}
      </ul>
    </div>
  )
}

function SourceRow({ source }: { source: Source }) {
  const project = useProject()
  const t = sourceTexts
  const runs = source.last_run?.state === "running" && source.last_run
  const at = paths.source(project.id, source.id)
  return (
    <li>
      <div className="row-head">
        <Link href={at}>{source.name}</Link>
        <span className="faint hide-phone">{source.deployment_name}</span>
        <HealthTag health={runs ? "running" : source.health} />
      </div>
      <div className="row-head small soft">
        <span style={{ overflowWrap: "anywhere" }}>{source.base_url}</span>
        <span className="nowrap">{formatImages(source.counts.imported ?? 0)}</span>
      </div>
      {runs && (
        <p className="small soft">{t.goesOn(runs.listed, runs.imported + runs.duplicate)}</p>
      )}
      {source.health_detail && (
        <p className={isUnhealthy(source.health) ? "small red sentence" : "small soft"} lang="en">
          {source.health_detail}
        </p>
      )}
      <p className="small soft">
        {formatSchedule(source.schedule, source.schedule_in_words)}. {t.lastRun}:{" "}
        <Timestamp at={source.last_run?.started_at} zone={source.time_zone} />. {t.nextRun}:{" "}
        {source.next_run ? (
          <Timestamp at={source.next_run} zone={source.time_zone} />
        ) : (
          t.notPlanned
        )}
        .
        {source.counts.quarantined ? (
          <>
            {" "}
            <Link className="amber" href={withSearch(at, { state: "quarantined" })}>
              {formatCount(source.counts.quarantined)} {sourceStateTexts.states.quarantined}
            </Link>
            .
          </>
        ) : null}
      </p>
    </li>
  )
}
