/** The top bar of the review screen: set, unit, order, progress, and the state of the queue. */
import { ArrowLeft, Check, Keyboard, Undo2 } from "lucide-react"
import { Link } from "wouter"
import { reviewSetTexts as setTexts } from "../reviewSets/en"
import { IconButton } from "../ui/Button"
import { useUrlQuery } from "../ui/urlQuery"
import { reviewScreenTexts as t } from "./en"
import { OutboxStatus } from "./OutboxStatus"
import { buildOrder, generateSeed } from "./reviewQueries"
import type { UnitKind } from "./units"
import { useOutbox } from "./useOutbox"

export interface ReviewCounts {
  /** Images reviewed since the page was opened. */
  done: number
  count: number
  total: string
  /** Images that the user reviewed today; null while it is not known. */
  today: number | null
  /** Minutes left at the present rate; null while it is not known. */
  minutesLeft: number | null
}

interface ReviewTopBarProps {
  grid: string
  setName: string
  kind: UnitKind
  order: string
  /** Whether it is a review set, which has its own units and order. */
  isSet: boolean
  progress: ReviewCounts | null
  onKeys: () => void
  onUndo: () => void
}

export function ReviewTopBar(props: ReviewTopBarProps) {
  const { grid, setName, kind, order, isSet, progress } = props
  const [, setSearch] = useUrlQuery()
  const { waiting, refused } = useOutbox()
  const choose = (values: Record<string, string>) =>
    setSearch(
      (next) => {
        for (const [key, value] of Object.entries(values))
          if (value) next.set(key, value)
          else next.delete(key)
      },
      { replace: true },
    )
  return (
    <header className="review-top">
      <Link className="icon-button" href={grid} aria-label={t.back} title={t.back}>
        <ArrowLeft size={18} aria-hidden />
      </Link>
      <h1>{t.title}</h1>
      <Link className="review-chip" href={grid}>
        <em>{t.set}</em> {setName}
      </Link>
      {!isSet && (
        <>
          <label className="review-chip">
            <em>{t.unit}</em>
            <select
              aria-label={t.unit}
              value={kind}
              onChange={(event) =>
                choose({ unit: event.target.value === "image" ? event.target.value : "" })
              }
            >
              {Object.entries(t.units).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          <label className="review-chip">
            <em>{t.order}</em>
            <select
              aria-label={t.order}
              value={buildOrder({ order, seed: "" }).order}
              onChange={(event) =>
                choose({
                  order: event.target.value === "-captured_at" ? "" : event.target.value,
                  seed: event.target.value === "random" ? generateSeed() : "",
                })
              }
            >
              {Object.entries(t.orders).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </label>
        </>
      )}
      {progress && (
        <div className="review-progress">
          <span data-testid="progress">
            {(isSet ? setTexts.itemsDone : t.progress)(progress.done, progress.total)}
          </span>
          <progress
            aria-label={t.reviewed}
            value={progress.done}
            max={Math.max(progress.count, 1)}
          />
          <span className="review-rate" data-testid="rate">
            {[
              progress.today === null ? "" : t.today(progress.today),
              progress.minutesLeft === null ? "" : t.left(progress.minutesLeft),
            ]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </div>
      )}
      <OutboxStatus />
      {waiting + refused === 0 && progress !== null && progress.done > 0 && (
        <span className="review-saved">
          <Check size={15} aria-hidden /> {t.saved}
        </span>
      )}
      <IconButton label={t.undo} className="review-undo" onClick={props.onUndo}>
        <Undo2 size={18} />
      </IconButton>
      <IconButton label={t.showKeys} className="review-keys" onClick={props.onKeys}>
        <Keyboard size={18} />
      </IconButton>
    </header>
  )
}
