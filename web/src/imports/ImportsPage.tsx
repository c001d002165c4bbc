/** The imports of a project, newest first: file and result of each. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { Upload } from "lucide-react"
import { useEffect } from "react"
import { Link } from "wouter"
import type { Import } from "../api/types"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { LinkButton } from "../ui/Button"
import { MoreButton } from "../ui/MoreButton"
import { ExchangeTabs } from "./ExchangeTabs"
import { formatOutcome, ImportProgress, ImportTag } from "./ImportState"
import { importsQuery } from "./queries"
import "./exchange.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { formatBytes, Timestamp } from "../ui/time"
import { exchangeTexts, importTexts as t } from "./en"

export function ImportsPage() {
  const project = useProject()
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    importsQuery(project.id),
  )
  const imports = data?.pages.flatMap((page) => page.results) ?? []
  const may = canManage(project)
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const make = may && (
    <LinkButton
      kind="accent"
      icon={<Upload size={15} aria-hidden />}
      href={paths.newImport(project.id)}
    >
      {t.newImport}
    </LinkButton>
  )
  const isEmpty = data && imports.length === 0
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{exchangeTexts.exports}</h1>
        <div className="actions">{!isEmpty && make}</div>
      </div>
      <ExchangeTabs part="imports" />
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={64} />}
      {isEmpty && (
        <EmptyState
          title={t.noneTitle}
          text={
            <>
              {t.none} {!may && t.onlyManagers}
            </>
          }
        >
          {make}
        </EmptyState>
      )}
      {imports.length > 0 && (
        <>
          <p className="soft exchange-text">
            {t.text} {!may && t.onlyManagers}
          </p>
          <ul className="rows">
            {imports.map((one) => (
              <ImportRow key={one.id} one={one} />
            ))}
          </ul>
        </>
      )}
      <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
    </div>
  )
}

function ImportRow({ one }: { one: Import }) {
  const project = useProject()
  return (
    <li data-import={one.id} className="exchange-line">
      <div className="row-head">
        <Link href={paths.import(project.id, one.id)}>{one.filename}</Link>
        <span className="faint exchange-contents">{t.formats[one.format][0]}</span>
        <ImportTag one={one} />
      </div>
      <ImportProgress one={one} />
      {(one.error ?? formatOutcome(one)) && (
        <p className="small soft">{one.error ?? formatOutcome(one)}</p>
      )}
      <div className="row-head small faint">
        <span>
          {t.asked} <Timestamp at={one.created_at} />, {formatBytes(one.size_bytes)}
        </span>
      </div>
    </li>
  )
}
