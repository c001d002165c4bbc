/** The places that are polled for images; those that fail come first. */
import { useQuery } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect } from "react"
import { Link } from "wouter"
import { askSources } from "../api/queries"
import type { Source } from "../api/types"
import { mayManage, useProject } from "../projects/project"
import { HealthTag, isUnhealthy } from "../queue/states"
import { paths, withSearch } from "../paths"
import { LinkButton } from "../ui/Button"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "./sources.css"
import { When } from "../ui/time"
import { words } from "../en"
import { sourceWords } from "./en"

export function SourcesPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery(askSources(project.id))
  const w = sourceWords
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])
  const add = mayManage(project) && <LinkButton kind="accent" icon={<Plus size={15} aria-hidden />} href={paths.newSource(project.id)}>{w.add}</LinkButton>
  const failing = data?.results.filter((source) => isUnhealthy(source.health)) ?? []
  const others = data?.results.filter((source) => !isUnhealthy(source.health)) ?? []
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.title}</h1><div className="actions">{add}</div></div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && <Empty title={w.noneTitle} text={add ? w.none : `${w.none} ${w.onlyManagers}`}>{add}</Empty>}
      {failing.length > 0 && <p className="amber" style={{ marginBottom: 10 }}>{w.failing(failing.length)}</p>}
      <ul className="lines">{[...failing, ...others].map((source) => <Line key={source.id} source={source} />)}</ul>
    </div>
  )
}

function Line({ source }: { source: Source }) {
  const project = useProject()
  const w = sourceWords
  const runs = source.last_run?.state === "running" && source.last_run
  const at = paths.source(project.id, source.id)
  return (
    <li>
      <div className="line-head">
        <Link href={at}>{source.name}</Link>
        <span className="faint hide-phone">{source.deployment_name}</span>
        <HealthTag health={runs ? "running" : source.health} />
      </div>
      <div className="line-head small soft">
        <span style={{ overflowWrap: "anywhere" }}>{source.base_url}</span>
        <span className="nowrap">{words.images(source.counts.imported ?? 0)}</span>
      </div>
      {runs && <p className="small soft">{w.goesOn(runs.listed, runs.imported + runs.duplicate)}</p>}
      {source.health_detail && <p className={isUnhealthy(source.health) ? "small red sentence" : "small soft"}>{source.health_detail}</p>}
      <p className="small soft">
        {source.schedule_in_words}. {w.lastRun}: <When at={source.last_run?.started_at} zone={source.time_zone} />. {w.nextRun}:{" "}
        {source.next_run ? <When at={source.next_run} zone={source.time_zone} /> : w.notPlanned}.
        {source.counts.quarantined ? <> <Link className="amber" href={withSearch(at, { state: "quarantined" })}>{words.count(source.counts.quarantined)} {words.source.states["quarantined"]}</Link>.</> : null}
      </p>
    </li>
  )
}
