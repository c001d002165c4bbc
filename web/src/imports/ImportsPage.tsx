/** The imports of a project, newest first: which file, and what became of it. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { Upload } from "lucide-react"
import { useEffect } from "react"
import { Link } from "wouter"
import { askImports } from "./queries"
import type { Import } from "../api/types"
import { ExchangeTabs } from "./ExchangeTabs"
import { ImportProgress, ImportTag, sayOutcome } from "./ImportState"
import { mayManage, useProject } from "../projects/project"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import "./exchange.css"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { bytes, When } from "../ui/time"
import { words } from "../en"
import { exportWords } from "../exports/en"
import { importWords as w } from "./en"

export function ImportsPage() {
  const project = useProject()
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askImports(project.id))
  const imports = data?.pages.flatMap((page) => page.results) ?? []
  const may = mayManage(project)
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [project.name])
  const make = may && <LinkButton kind="accent" icon={<Upload size={15} aria-hidden />} href={paths.newImport(project.id)}>{w.make}</LinkButton>
  const isEmpty = data && imports.length === 0
  return (
    <div className="narrow">
      <div className="page-head"><h1>{exportWords.title}</h1><div className="actions">{!isEmpty && make}</div></div>
      <ExchangeTabs part="imports" />
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={64} />}
      {isEmpty && <Empty title={w.noneTitle} text={<>{w.none} {!may && w.onlyManagers}</>}>{make}</Empty>}
      {imports.length > 0 && (
        <>
          <p className="soft exchange-text">{w.text} {!may && w.onlyManagers}</p>
          <ul className="lines">{imports.map((one) => <Line key={one.id} one={one} />)}</ul>
        </>
      )}
      {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
    </div>
  )
}

function Line({ one }: { one: Import }) {
  const project = useProject()
  return (
    <li data-import={one.id} className="exchange-line">
      <div className="line-head">
        <Link href={paths.import(project.id, one.id)}>{one.filename}</Link>
        <span className="faint exchange-what">{w.formats[one.format][0]}</span>
        <ImportTag one={one} />
      </div>
      <ImportProgress one={one} />
      {(one.error ?? sayOutcome(one)) && <p className="small soft">{one.error ?? sayOutcome(one)}</p>}
      <div className="line-head small faint"><span>{w.asked} <When at={one.created_at} />, {bytes(one.size_bytes)}</span></div>
    </li>
  )
}
