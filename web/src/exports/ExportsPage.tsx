/** The exports of a project, newest first: contents, purpose and result of each. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import type { Export, ExportState } from "../api/types"
import { ExchangeTabs } from "../imports/ExchangeTabs"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { LinkButton } from "../ui/Button"
import { MoreButton } from "../ui/MoreButton"
import { useUrlQuery } from "../ui/urlQuery"
import { DownloadLink } from "./DownloadLink"
import { ExportProgress, ExportTag } from "./ExportState"
import { formatSelection } from "./exportSelection"
import { exportsQuery, useFormatTitle } from "./queries"
import "../imports/exchange.css"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { uiTexts } from "../ui/en"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { formatBytes, Timestamp } from "../ui/time"
import { exportTexts as t } from "./en"

const STATES: ExportState[] = ["ready", "invalid", "failed", "canceled", "expired"]

export function ExportsPage() {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const state = STATES.find((one) => one === search.get("state"))
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    exportsQuery(project.id, state),
  )
  const exports = data?.pages.flatMap((page) => page.results) ?? []
  const may = canManage(project)
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const make = may && (
    <LinkButton
      kind="accent"
      icon={<Plus size={15} aria-hidden />}
      href={paths.newExport(project.id)}
    >
      {t.newExport}
    </LinkButton>
  )
  const isEmpty = data && exports.length === 0 && !state
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{t.title}</h1>
        <div className="actions">{!isEmpty && make}</div>
      </div>
      <ExchangeTabs part="exports" />
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
      {data && !isEmpty && (
        <>
          <p className="soft">
            {t.text} {!may && t.onlyManagers}
          </p>
          <div className="tabs exchange-states">
            {[undefined, ...STATES].map((one) => (
              <button
                key={one ?? "all"}
                type="button"
                className="tab"
                aria-pressed={one === state}
                onClick={() =>
                  setSearch((next) => (one ? next.set("state", one) : next.delete("state")))
                }
              >
                {one ? t.states[one] : uiTexts.all}
              </button>
            ))}
          </div>
          {exports.length === 0 && <p className="soft">{t.noneState}</p>}
          <ul className="rows">
            {exports.map((one) => (
              <ExportRow key={one.id} one={one} may={may} />
            ))}
          </ul>
        </>
      )}
      <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
    </div>
  )
}

function ExportRow({ one, may }: { one: Export; may: boolean }) {
  const project = useProject()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const name = useFormatTitle(one.format) ?? one.format
  const [refused, setRefused] = useState<unknown>(null)
  return (
    <li data-export={one.id} className="exchange-line">
      <div className="row-head">
        <Link href={paths.export(project.id, one.id)}>{name}</Link>
        <span className="faint exchange-contents">
          {formatSelection(one.selection, deployments?.results, one.named_images)}
        </span>
        <ExportTag one={one} />
      </div>
      <ExportProgress one={one} />
      {one.deleted_since > 0 && one.state === "ready" && (
        <p className="small amber">{t.deletedSince(one.deleted_since)}</p>
      )}
      {(one.error ?? one.problems[0]?.what) && (
        <p className="small">
          {one.error ?? one.problems[0]?.what}
          {one.problems.length > 1 && (
            <span className="faint"> {t.more(one.problems.length - 1)}</span>
          )}
        </p>
      )}
      <div className="row-head small faint">
        <span>
          {t.asked} {one.requested_by}, <Timestamp at={one.created_at} />
          {one.audience && one.audience !== "owner"
            ? `, ${t.locationsFor(t.audiences[one.audience][1])}`
            : ""}
          {one.size_bytes !== null && `, ${t.images(one.images)}, ${formatBytes(one.size_bytes)}`}
        </span>
        {one.state === "ready" && may && (
          <DownloadLink small one={one} isRefused={refused !== null} onRefused={setRefused} />
        )}
      </div>
      {refused !== null && <ErrorMessage error={refused} />}
    </li>
  )
}
