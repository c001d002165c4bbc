/** The review screen: people decide about sequences or images of a set, one key each. */
import { useMemo } from "react"
import { type ImageFilter, NO_FILTER, parseFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canReview, useProject } from "../projects/projectContext"
import { LinkButton } from "../ui/Button"
import { EmptyState } from "../ui/feedback"
import { useUrlQuery } from "../ui/urlQuery"
import { reviewScreenTexts as t } from "./en"
import { ReviewScreen } from "./ReviewScreen"
import { parseUnitKind } from "./units"
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
  const filter = useMemo(() => parseFilter(search), [search])
  const kind = parseUnitKind(search.get("unit"))
  const grid = withSearch(paths.images(project.id), { ...filter })
  if (!canReview(project))
    return (
      <main className="content">
        <EmptyState screen title={t.needsReviewer} text={t.needsReviewerHint}>
          <LinkButton href={grid}>{t.toImages}</LinkButton>
        </EmptyState>
      </main>
    )
  return (
    <ReviewScreen
      key={`${kind} ${JSON.stringify(filter)}`}
      filter={filter}
      kind={kind}
      grid={grid}
      setName={describeSet(filter)}
    />
  )
}
