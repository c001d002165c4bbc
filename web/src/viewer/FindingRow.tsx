/**
 * A finding in the panel's list: a button that highlights it, with the reason if it cannot be
 * drawn.
 */
import type { Identification } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { findingTexts } from "../findings/en"
import {
  type Finding,
  formatPercent,
  getNameAndConfidence,
  getTitle,
  listClassScores,
} from "../findings/findings"
import { EffectiveIdentification } from "../review/ReviewPanel"
import { getLoadError, type LoadedArtifact } from "./artifactFiles"
import { ClassScores } from "./ClassScores"
import { viewerTexts } from "./en"
import { JsonTree } from "./JsonTree"

interface FindingRowProps {
  finding: Finding
  files: ReadonlyMap<string, LoadedArtifact>
  isLit: boolean
  isChosen: boolean
  /** The current identification by a user. */
  held: Identification | null
  /** The name of its analysis, if several are shown. */
  from: string | null
  onLight: (id: string | null) => void
  onChoose: (id: string) => void
}

const MAX_SCORES = 10

export function FindingRow({
  finding,
  files,
  isLit,
  isChosen,
  held,
  from,
  onLight,
  onChoose,
}: FindingRowProps) {
  const classColour = useClassColour()
  const why = getLoadError(finding, files)
  const kind =
    finding.type === "bounding_box" || !finding.name ? null : viewerTexts.type[finding.type]
  return (
    <div className={finding.parent ? "entry inner" : "entry"}>
      <button
        type="button"
        className={isLit ? "finding lit" : "finding"}
        data-finding-id={finding.id}
        aria-pressed={isChosen}
        onPointerEnter={() => onLight(finding.id)}
        onPointerLeave={() => onLight(null)}
        onFocus={() => onLight(finding.id)}
        onBlur={() => onLight(null)}
        onClick={() => onChoose(finding.id)}
      >
        <span className="dot" style={{ background: classColour(finding.name) }} />
        <span className="finding-name">
          {getTitle(finding)}
          {kind && <span className="faint small"> {kind}</span>}
        </span>
        <span className="soft">{formatPercent(finding.confidence)}</span>
        {from && <small className="finding-from">{from}</small>}
        {finding.classScores.length > 1 && (
          <ClassScores scores={finding.classScores.slice(0, MAX_SCORES)} />
        )}
        {finding.classifications.map((annotation) => {
          const { name, confidence } = getNameAndConfidence(annotation)
          const scores = listClassScores(annotation)
          return (
            <span key={annotation.id} className="said">
              {(scores.length < 2 || annotation.algorithm) && (
                <small title={annotation.algorithm ?? undefined}>
                  <span>{name ?? findingTexts.noClass}</span> {formatPercent(confidence)}
                  {annotation.algorithm && <i>{annotation.algorithm}</i>}
                </small>
              )}
              {scores.length > 1 && <ClassScores scores={scores.slice(0, MAX_SCORES)} />}
            </span>
          )
        })}
        {held && <EffectiveIdentification one={held} />}
        {files.get(finding.id)?.state === "coming" && <small>{viewerTexts.coming}</small>}
        {why && <small className="not-drawn">{viewerTexts.cannotDraw(why)}</small>}
      </button>
      {finding.type === "custom" && <JsonTree value={finding.annotation.data} />}
      {why &&
        finding.shape.kind === "none" &&
        Object.keys(finding.annotation.data ?? {}).length > 0 && (
          <details className="raw-data">
            <summary>{viewerTexts.asGiven}</summary>
            <JsonTree value={finding.annotation.data} />
          </details>
        )}
    </div>
  )
}
