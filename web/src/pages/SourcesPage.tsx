/** The places that are polled for images. */
import { useQuery } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect } from "react"
import { Link } from "wouter"
import { askSources } from "../api/queries"
import { mayManage, useProject } from "../components/project"
import { HealthTag } from "../components/states"
import { paths } from "../paths"
import { LinkButton } from "../ui/Button"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { words } from "../words/en"

export function SourcesPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery(askSources(project.id))
  const w = words.source
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])
  const add = mayManage(project) && <LinkButton kind="accent" icon={<Plus size={15} aria-hidden />} href={paths.newSource(project.id)}>{w.add}</LinkButton>
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.title}</h1><div className="actions">{add}</div></div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && <Empty title={w.noneTitle} text={w.none}>{add}</Empty>}
      <ul className="lines">
        {data?.results.map((source) => (
          <li key={source.id}>
            <div className="line-head">
              <Link href={paths.source(project.id, source.id)}>{source.name}</Link>
              <span className="faint hide-phone">{source.deployment_name}</span>
              <HealthTag health={source.health} />
            </div>
            <div className="line-head small soft">
              <span style={{ overflowWrap: "anywhere" }}>{source.base_url}</span>
              <span className="nowrap">{words.images(source.counts.imported ?? 0)}</span>
            </div>
            {source.health_detail && <p className={source.health === "failing" ? "small red" : "small soft"}>{source.health_detail}</p>}
            <p className="small soft">
              {source.schedule_in_words}. {w.lastRun}: <When at={source.last_run?.started_at} zone={source.time_zone} />.{" "}
              {w.nextRun}: {source.next_run ? <When at={source.next_run} zone={source.time_zone} /> : w.notPlanned}.
              {source.counts.quarantined ? <span className="amber"> {words.count(source.counts.quarantined)} {w.states.quarantined}.</span> : null}
            </p>
          </li>
        ))}
      </ul>
    </div>
  )
}
