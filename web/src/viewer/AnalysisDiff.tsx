/** A short list of the differences between the two analyses that are compared. */
import type { ReactNode } from "react"
import type { AnalysisChanges as Found } from "../findings/analysisDiff"
import { useClassColour } from "../findings/classColours"
import { formatPercent, getTitle } from "../findings/findings"
import { viewerTexts } from "./en"

interface AnalysisDiffProps {
  changes: Found
  lit: ReadonlySet<string>
  onLight: (id: string | null) => void
  onChoose: (id: string) => void
}

const Dot = ({ name }: { name: string | null }) => (
  <span className="dot" style={{ background: useClassColour()(name) }} />
)

export function AnalysisDiff({ changes, lit, onLight, onChoose }: AnalysisDiffProps) {
  const t = viewerTexts
  const entry = (id: string, kind: string, text: ReactNode, name: string | null) => (
    <button
      key={`${kind} ${id}`}
      type="button"
      className={lit.has(id) ? "finding lit" : "finding"}
      data-change={kind}
      onPointerEnter={() => onLight(id)}
      onPointerLeave={() => onLight(null)}
      onFocus={() => onLight(id)}
      onBlur={() => onLight(null)}
      onClick={() => onChoose(id)}
    >
      <Dot name={name} />
      <span className="change-text">{text}</span>
    </button>
  )
  const only = (
    classes: [string, number][],
    kind: string,
    say: (name: string, count: number) => string,
  ) =>
    classes.map(([name, count]) => (
      <p key={name} className="finding" data-change={kind}>
        <Dot name={name} />
        <span className="change-text">{say(name, count)}</span>
      </p>
    ))
  const count =
    changes.onlyLeft.length +
    changes.onlyRight.length +
    changes.renamed.length +
    changes.confidenceChanged.length +
    changes.removed.length +
    changes.added.length
  return (
    <section data-testid="changes">
      <h2>
        {t.changed}
        <span className="faint">{count}</span>
      </h2>
      {count === 0 && <p className="soft">{t.nothingChanged}</p>}
      <div className="findings">
        {only(changes.onlyLeft, "only-left", t.onlyLeft)}
        {only(changes.onlyRight, "only-right", t.onlyRight)}
        {changes.renamed.map(({ left, right }) =>
          entry(left.id, "renamed", t.renamed(getTitle(left), getTitle(right)), right.name),
        )}
        {changes.confidenceChanged.map(({ left, right }) =>
          entry(
            left.id,
            "surer",
            t.surer(
              getTitle(left),
              formatPercent(left.confidence),
              formatPercent(right.confidence),
            ),
            left.name,
          ),
        )}
        {changes.removed.map((finding) =>
          entry(
            finding.id,
            "lost",
            t.lost(getTitle(finding), formatPercent(finding.confidence)),
            finding.name,
          ),
        )}
        {changes.added.map((finding) =>
          entry(
            finding.id,
            "gained",
            t.gained(getTitle(finding), formatPercent(finding.confidence)),
            finding.name,
          ),
        )}
      </div>
    </section>
  )
}
