/** The review sets of a project: what is assigned to the user, and the progress of each set. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect } from "react"
import { Link } from "wouter"
import type { ReviewSet } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths, withSearch } from "../paths"
import { canManage, canReview, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { formatCount, uiTexts } from "../ui/en"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { useUrlQuery } from "../ui/urlQuery"
import { reviewSetTexts as t } from "./en"
import { reviewSetsQuery } from "./queries"
import "./reviewSets.css"

export function ReviewSetsPage() {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const closed = search.get("closed") === "true"
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    {
      ...reviewSetsQuery(project.id, closed),
      enabled: canReview(project),
    },
  )
  const sets = data?.pages.flatMap((page) => page.results) ?? []
  const may = canManage(project)
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const make = may && (
    <LinkButton
      kind="accent"
      icon={<Plus size={15} aria-hidden />}
      href={withSearch(paths.newReviewSet(project.id), { reviewed: "false" })}
    >
      {t.newSet}
    </LinkButton>
  )
  const isEmpty = data && sets.length === 0 && !closed
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{t.title}</h1>
        <div className="actions">{!isEmpty && make}</div>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && canReview(project) && <SkeletonRows rows={4} height={72} />}
      {(isEmpty || !canReview(project)) && (
        <EmptyState title={t.noneTitle} text={may ? t.none : t.noneMine}>
          {make}
        </EmptyState>
      )}
      {data && !isEmpty && (
        <>
          <p className="soft">
            {t.text} {!may && t.onlyManagers}
          </p>
          <div className="tabs">
            {[false, true].map((one) => (
              <button
                key={String(one)}
                type="button"
                className="tab"
                aria-pressed={one === closed}
                onClick={() =>
                  setSearch((next) => (one ? next.set("closed", "true") : next.delete("closed")))
                }
              >
                {one ? t.showClosed : t.showOpen}
              </button>
            ))}
          </div>
        </>
      )}
      <ul className="rows review-sets">
        {sets.map((one) => (
          <SetRow key={one.id} one={one} />
        ))}
        {canReview(project) && !closed && (
          <li>
            <div className="row-head">
              <span>
                <b>{t.free}</b>
                <br />
                <span className="soft small">{t.freeText}</span>
              </span>
              <LinkButton
                small
                href={withSearch(paths.review(project.id), { reviewed: "false" })}
                aria-label={t.reviewOf(t.free)}
              >
                {t.review}
              </LinkButton>
            </div>
          </li>
        )}
      </ul>
      {hasNextPage && (
        <div className="actions">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {uiTexts.more}
          </Button>
        </div>
      )}
    </div>
  )
}

function SetRow({ one }: { one: ReviewSet }) {
  const project = useProject()
  const may = canManage(project)
  const isOpen = one.can_review && one.closed_at === null && one.open > 0
  return (
    <li data-review-set={one.name}>
      <div className="row-head">
        {may ? (
          <Link href={paths.reviewSet(project.id, one.id)}>{one.name}</Link>
        ) : (
          <b>{one.name}</b>
        )}
        {one.kind === "random_audit" && <span className="badge">{t.randomAudit}</span>}
        {one.closed_at !== null ? (
          <span className="badge">{t.closed}</span>
        ) : one.items > 0 && one.done === one.items ? (
          <span className="badge">{t.doneTag}</span>
        ) : null}
        {isOpen && (
          <LinkButton
            small
            kind="accent"
            href={withSearch(paths.review(project.id), { set: one.id })}
            aria-label={t.reviewOf(one.name)}
          >
            {one.mine > 0 ? t.continue : t.review}
          </LinkButton>
        )}
      </div>
      <SetProgress one={one} />
      <span className="soft small">
        {t.reviewsEach(one.reviews)} ·{" "}
        {one.people.length === 0 ? t.everyone : one.people.map(({ name }) => name).join(", ")}
        {one.can_review && one.closed_at === null && ` · ${t.open(one.open)}`}
        {one.mine > 0 && ` · ${t.mine(one.mine)}`}
      </span>
    </li>
  )
}

export function SetProgress({ one }: { one: ReviewSet }) {
  const text = t.progress(one.done, t.units[one.unit](one.items))
  return (
    <div className="set-progress">
      <progress value={one.done} max={Math.max(one.items, 1)} aria-label={text} />
      <span className="small">
        {text}
        {one.items > 0 && ` (${formatCount(Math.floor((100 * one.done) / one.items))} %)`}
      </span>
    </div>
  )
}
