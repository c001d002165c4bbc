/** The heading of a day or month of the grid: its name, its number of images, and its review. */
import { Link } from "wouter"
import { formatImages } from "../images/en"
import type { ImageFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canReview, useProject } from "../projects/projectContext"
import { formatDayOrMonth } from "../ui/time"
import { gridTexts as t } from "./en"
import { type Day, HEAD_HEIGHT } from "./timeLayout"

interface DayHeadingProps {
  day: Day
  filter: ImageFilter
  top: number
}

export function DayHeading({ day, filter, top }: DayHeadingProps) {
  const project = useProject()
  const name = formatDayOrMonth(day.key)
  const review = day.key.length === 7 ? t.reviewMonth : t.reviewDay
  return (
    <div className="time-head" style={{ top, height: HEAD_HEIGHT }} data-day={day.key}>
      <h2>
        {name} <span className="count">{formatImages(day.images)}</span>
      </h2>
      {canReview(project) && !filter.deleted && (
        <Link
          className="time-review"
          href={withSearch(paths.review(project.id), { ...filter, from: day.from, to: day.to })}
          aria-label={t.reviewOf(review, name)}
        >
          {review}
        </Link>
      )}
    </div>
  )
}
