/** Shown after the last unit of a set: the decisions of this visit, and what to do next. */
import { Button, LinkButton } from "../ui/Button"
import { formatCount } from "../ui/en"
import { reviewScreenTexts as t } from "./en"
import type { ReviewStep } from "./useReviewSession"

interface FinishedReviewProps {
  steps: readonly ReviewStep[]
  done: string
  grid: string
  onReload: () => void
}

export function FinishedReview({ steps, done, grid, onReload }: FinishedReviewProps) {
  const counts = Object.entries(t.kinds).map(([kind, text]) => ({
    text,
    count: steps.filter((one) => one.kind === kind).length,
  }))
  return (
    <section className="review-done" data-testid="finished">
      <h2>{t.doneTitle(done)}</h2>
      <p className="soft">{t.doneText}</p>
      <h3>{t.yourDecisions}</h3>
      <p className="soft">{t.decisions(steps.length)}</p>
      <dl>
        {counts
          .filter(({ count }) => count > 0)
          .map(({ text, count }) => (
            <div key={text}>
              <dt>{text}</dt>
              <dd>{formatCount(count)}</dd>
            </div>
          ))}
      </dl>
      <Button kind="accent" onClick={onReload}>
        {t.newImages}
      </Button>
      <LinkButton href={grid}>{t.toImages}</LinkButton>
    </section>
  )
}
