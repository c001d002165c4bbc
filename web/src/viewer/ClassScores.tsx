/** The classes of a classifier, each with a bar for its confidence. */
import { useClassColour } from "../findings/classColours"
import { type ClassScore, formatPercent } from "../findings/findings"

export function ClassScores({ scores }: { scores: ClassScore[] }) {
  const classColour = useClassColour()
  return (
    <span className="class-scores">
      {scores.map((score, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items have no ID and do not move
        <span key={at} className="class-score" data-guess={score.name}>
          <span className="class-score-name">{score.name}</span>
          <span className="class-score-bar">
            <i
              style={{
                width: `${Math.min(Math.max(score.confidence, 0), 1) * 100}%`,
                background: classColour(score.name),
              }}
            />
          </span>
          <span>{formatPercent(score.confidence)}</span>
        </span>
      ))}
    </span>
  )
}
