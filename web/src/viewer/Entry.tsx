/** One finding in the panel's list: a button that lights it, and below it what cannot be drawn. */
import type { Identification } from "../api/types"
import { useClassColour } from "../findings/classes"
import { words } from "../en"
import { type Loaded, whyNot } from "./files"
import { type Finding, guessesOf, percent, saidBy, titleOf } from "../findings/findings"
import { Guesses } from "./Guesses"
import { Holds } from "../review/Review"
import { Tree } from "./Tree"

interface EntryProps {
  finding: Finding
  files: ReadonlyMap<string, Loaded>
  isLit: boolean
  isChosen: boolean
  /** The current identification by a person. */
  held: Identification | null
  /** Whose it is, where that is not plain. */
  from: string | null
  onLight: (id: string | null) => void
  onChoose: (id: string) => void
}

const MOST_GUESSES = 10

export function Entry({ finding, files, isLit, isChosen, held, from, onLight, onChoose }: EntryProps) {
  const classColour = useClassColour()
  const why = whyNot(finding, files)
  const kind = finding.type === "bounding_box" || !finding.name ? null : words.viewer.type[finding.type]
  return (
    <div className={finding.parent ? "entry inner" : "entry"}>
      <button
        type="button" className={isLit ? "finding lit" : "finding"} data-finding-id={finding.id} aria-pressed={isChosen}
        onPointerEnter={() => onLight(finding.id)} onPointerLeave={() => onLight(null)}
        onFocus={() => onLight(finding.id)} onBlur={() => onLight(null)} onClick={() => onChoose(finding.id)}
      >
        <span className="dot" style={{ background: classColour(finding.name) }} />
        <span className="finding-name">{titleOf(finding)}{kind && <span className="faint small"> {kind}</span>}</span>
        <span className="soft">{percent(finding.confidence)}</span>
        {from && <small className="finding-from">{from}</small>}
        {finding.guesses.length > 1 && <Guesses guesses={finding.guesses.slice(0, MOST_GUESSES)} />}
        {finding.said.map((annotation) => {
          const { name, confidence } = saidBy(annotation)
          const guesses = guessesOf(annotation)
          return (
            <span key={annotation.id} className="said">
              {(guesses.length < 2 || annotation.algorithm) && (
                <small title={annotation.algorithm ?? undefined}>
                  <span>{name ?? words.viewer.noClass}</span> {percent(confidence)}
                  {annotation.algorithm && <i>{annotation.algorithm}</i>}
                </small>
              )}
              {guesses.length > 1 && <Guesses guesses={guesses.slice(0, MOST_GUESSES)} />}
            </span>
          )
        })}
        {held && <Holds one={held} />}
        {files.get(finding.id)?.state === "coming" && <small>{words.viewer.coming}</small>}
        {why && <small className="why-not">{words.viewer.cannotDraw(why)}</small>}
      </button>
      {finding.type === "custom" && <Tree value={finding.annotation.data} />}
      {why && finding.drawing.kind === "none" && Object.keys(finding.annotation.data ?? {}).length > 0 && (
        <details className="as-given"><summary>{words.viewer.asGiven}</summary><Tree value={finding.annotation.data} /></details>
      )}
    </div>
  )
}
