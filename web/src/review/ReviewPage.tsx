/** The review screen: people decide about sequences or images of a set, one key each. */
import { useQuery } from "@tanstack/react-query"
import { useMemo, useRef } from "react"
import { useLocation } from "wouter"
import { type ImageFilter, NO_FILTER, parseFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canReview, useProject } from "../projects/projectContext"
import { reviewSetQuery } from "../reviewSets/queries"
import { LinkButton } from "../ui/Button"
import { EmptyState } from "../ui/feedback"
import { useUrlQuery } from "../ui/urlQuery"
import { DecisionConflict } from "./DecisionConflict"
import { reviewScreenTexts as t } from "./en"
import { ReviewScreen } from "./ReviewScreen"
import { parseUnitKind } from "./units"
import type { EarlierSteps } from "./useReviewSession"
import "../viewer/viewer.css"
import "./review.css"

/** Describe a filter in a few words. */
function describeSet(filter: ImageFilter): string {
  const others = (Object.keys(NO_FILTER) as (keyof ImageFilter)[]).filter(
    (key) =>
      filter[key] !== "" && key !== "order" && !(key === "reviewed" && filter[key] === "false"),
  )
  return t.setName(filter.reviewed === "false", others.length)
}

export function ReviewPage() {
  const project = useProject()
  const [search] = useUrlQuery()
  const [, go] = useLocation()
  const filter = useMemo(
    () => ({ ...parseFilter(search), seed: search.get("seed") ?? "" }),
    [search],
  )
  const kind = parseUnitKind(search.get("unit"))
  const earlier = useRef<EarlierSteps>({ steps: [], undone: [] })
  const set = search.get("set")
  const { data: named } = useQuery({
    ...reviewSetQuery(project.id, set ?? ""),
    enabled: set !== null && canReview(project),
  })
  const grid =
    set === null
      ? withSearch(paths.images(project.id), { ...parseFilter(search) })
      : paths.reviewSets(project.id)
  if (!canReview(project))
    return (
      <main className="content">
        <EmptyState screen title={t.needsReviewer} text={t.needsReviewerHint}>
          <LinkButton href={grid}>{t.toImages}</LinkButton>
        </EmptyState>
        <DecisionConflict
          project={project.id}
          onShow={(one) => go(paths.image(project.id, one.image))}
        />
      </main>
    )
  return (
    <ReviewScreen
      key={`${set} ${kind} ${JSON.stringify(filter)}`}
      filter={filter}
      kind={kind}
      grid={grid}
      setName={set === null ? describeSet(filter) : (named?.name ?? "")}
      set={set}
      earlier={earlier}
    />
  )
}
