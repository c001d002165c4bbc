/** The classes that a classifier thought of, each with a bar as long as it was sure. */
import { useClassColour } from "../findings/classes"
import { type Guess, percent } from "../findings/findings"

export function Guesses({ guesses }: { guesses: Guess[] }) {
  const classColour = useClassColour()
  return (
    <span className="guesses">
      {guesses.map((guess, at) => (
        <span key={at} className="guess" data-guess={guess.name}>
          <span className="guess-name">{guess.name}</span>
          <span className="guess-bar"><i style={{ width: `${Math.min(Math.max(guess.confidence, 0), 1) * 100}%`, background: classColour(guess.name) }} /></span>
          <span>{percent(guess.confidence)}</span>
        </span>
      ))}
    </span>
  )
}
