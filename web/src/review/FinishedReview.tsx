/** Shown after the last unit of a set: an image of each species, the result, and what to do next. */
import { ArrowRight, RotateCw } from "lucide-react"
import { useState } from "react"
import { useClassColour } from "../findings/classColours"
import { formatImages } from "../images/en"
import { Thumbnail } from "../images/Thumbnail"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { formatCount } from "../ui/en"
import { reviewScreenTexts as t } from "./en"
import { generateSeed, type ReviewFilter } from "./reviewQueries"
import { listSpeciesResults, sumActiveTime } from "./sessionResult"
import type { ReviewStep } from "./useReviewSession"

/** The species with the most units have larger tiles. */
const LARGE_TILES = 2
const MAX_TILES = 12
const KIND_COLOURS: Record<string, string> = {
  confirm: "#55c98f",
  correct: "#56b4e9",
  blank: "#8fa396",
  unsure: "#f0b352",
}

export function FinishedReview({ steps, done }: { steps: readonly ReviewStep[]; done: number }) {
  const classColour = useClassColour()
  const species = listSpeciesResults(steps)
  return (
    <section className="review-done" data-testid="finished">
      <h2>{t.doneTitle(formatImages(done))}</h2>
      <p className="soft">{species.length > 0 ? t.doneSpecies(species.length) : t.doneText}</p>
      <ul className="review-species">
        {species.slice(0, MAX_TILES).map((one, at) => (
          <li
            key={one.name}
            className={at < LARGE_TILES && species.length > LARGE_TILES ? "large" : undefined}
          >
            <LargeThumbnail image={one.image} />
            <p>
              <span className="review-swatch" style={{ background: classColour(one.name) }} />
              <span>{one.shown}</span>
              <b>{formatCount(one.units)}</b>
            </p>
          </li>
        ))}
      </ul>
      {species.length > MAX_TILES && (
        <p className="soft">{t.moreSpecies(species.length - MAX_TILES)}</p>
      )}
    </section>
  )
}

/** The preview of an image without its boxes; its thumbnail if it has none. */
function LargeThumbnail({ image }: { image: ReviewStep["species"][number]["image"] }) {
  const url = image.preview_url
  return <Thumbnail image={url ? { ...image, thumbnail_url: url, boxes: [] } : image} eager />
}

interface SessionSummaryProps {
  steps: readonly ReviewStep[]
  filter: ReviewFilter
  grid: string
  onReload: () => void
}

export function SessionSummary({ steps, filter, grid, onReload }: SessionSummaryProps) {
  const project = useProject()
  const [seed] = useState(generateSeed)
  const counts = Object.entries(t.kinds)
    .map(([kind, text]) => ({
      kind,
      text,
      count: steps.filter((one) => one.kind === kind).length,
    }))
    .filter(({ count }) => count > 0)
  const decided = counts.filter(({ kind }) => kind in KIND_COLOURS)
  const unsure = counts.some(({ kind }) => kind === "unsure")
  const review = (change: Record<string, string>) =>
    withSearch(paths.review(project.id), {
      ...filter,
      reviewed: "",
      order: "",
      seed: "",
      ...change,
    })
  return (
    <div className="review-summary">
      <h2>{t.yourDecisions}</h2>
      <p className="soft">
        {t.decisionsIn(steps.length, Math.max(1, Math.round(sumActiveTime(steps) / 60_000)))}
      </p>
      <div className="review-shares" aria-hidden>
        {decided.map(({ kind, count }) => (
          <i key={kind} style={{ flexGrow: count, background: KIND_COLOURS[kind] }} />
        ))}
      </div>
      <dl>
        {counts.map(({ kind, text, count }) => (
          <div key={kind}>
            <dt>
              <span
                className="review-swatch"
                style={{ background: KIND_COLOURS[kind] ?? "transparent" }}
              />
              {text}
            </dt>
            <dd>{formatCount(count)}</dd>
          </div>
        ))}
      </dl>
      {unsure && (
        <LinkButton kind="accent" href={review({ needs_review: "true" })}>
          {t.reviewUnsure} <ArrowRight size={16} aria-hidden />
        </LinkButton>
      )}
      <Button kind={unsure ? "plain" : "accent"} onClick={onReload}>
        {t.newImages} <RotateCw size={16} aria-hidden />
      </Button>
      <LinkButton href={review({ reviewed: "true", order: "random", seed })}>
        {t.checkRandom} <ArrowRight size={16} aria-hidden />
      </LinkButton>
      <LinkButton href={paths.overview(project.id)}>
        {t.toOverview} <ArrowRight size={16} aria-hidden />
      </LinkButton>
      <LinkButton href={grid}>
        {t.toImages} <ArrowRight size={16} aria-hidden />
      </LinkButton>
    </div>
  )
}
