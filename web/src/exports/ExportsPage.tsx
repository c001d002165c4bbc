/** The exports of a project, newest first: what each holds, for whom it was made, and what became of it. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { Download, Plus } from "lucide-react"
import { useEffect } from "react"
import { Link } from "wouter"
import { askExports } from "./queries"
import { askDeployments } from "../api/queries"
import type { Export, ExportState } from "../api/types"
import { ExchangeTabs } from "../imports/ExchangeTabs"
import { saySelection } from "./exportSelection"
import { ExportProgress, ExportTag } from "./ExportState"
import { mayManage, useProject } from "../projects/project"
import { useSearch } from "../ui/search"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import "../imports/exchange.css"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { bytes, When } from "../ui/time"
import { words } from "../en"
import { exportWords as w } from "./en"

const STATES: ExportState[] = ["ready", "invalid", "failed", "canceled", "expired"]

export function ExportsPage() {
  const project = useProject()
  const [search, setSearch] = useSearch()
  const state = STATES.find((one) => one === search.get("state"))
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askExports(project.id, state))
  const exports = data?.pages.flatMap((page) => page.results) ?? []
  const may = mayManage(project)
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [project.name])
  const make = may && <LinkButton kind="accent" icon={<Plus size={15} aria-hidden />} href={paths.newExport(project.id)}>{w.make}</LinkButton>
  const isEmpty = data && exports.length === 0 && !state
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.title}</h1><div className="actions">{!isEmpty && make}</div></div>
      <ExchangeTabs part="exports" />
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={64} />}
      {isEmpty && <Empty title={w.noneTitle} text={<>{w.none} {!may && w.onlyManagers}</>}>{make}</Empty>}
      {data && !isEmpty && (
        <>
          <p className="soft">{w.text} {!may && w.onlyManagers}</p>
          <div className="tabs exchange-states">
            {[undefined, ...STATES].map((one) => (
              <button key={one ?? "all"} type="button" className="tab" aria-pressed={one === state} onClick={() => setSearch((next) => (one ? next.set("state", one) : next.delete("state")))}>
                {one ? w.states[one] : words.common.all}
              </button>
            ))}
          </div>
          {exports.length === 0 && <p className="soft">{w.noneState}</p>}
          <ul className="lines">{exports.map((one) => <Line key={one.id} one={one} may={may} />)}</ul>
        </>
      )}
      {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
    </div>
  )
}

function Line({ one, may }: { one: Export; may: boolean }) {
  const project = useProject()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const [name] = w.formats[one.format]
  return (
    <li data-export={one.id} className="exchange-line">
      <div className="line-head">
        <Link href={paths.export(project.id, one.id)}>{name}</Link>
        <span className="faint exchange-what">{saySelection(one.selection, deployments?.results, one.named_images)}</span>
        <ExportTag one={one} />
      </div>
      <ExportProgress one={one} />
      {one.deleted_since > 0 && one.state === "ready" && <p className="small amber">{w.deletedSince(one.deleted_since)}</p>}
      {(one.error ?? one.problems[0]?.what) && <p className="small">{one.error ?? one.problems[0]?.what}{one.problems.length > 1 && <span className="faint"> {w.more(one.problems.length - 1)}</span>}</p>}
      <div className="line-head small faint">
        <span>{w.asked} {one.requested_by}, <When at={one.created_at} />{one.size_bytes !== null && `, ${w.images(one.images)}, ${bytes(one.size_bytes)}`}</span>
        {one.state === "ready" && may && (
          <a className="button button-plain button-small" href={`/api/v2/exports/${one.id}/download`} download aria-label={w.downloadOne(one.filename)}><Download size={14} aria-hidden />{w.download}</a>
        )}
      </div>
    </li>
  )
}
