/**
 * The classifications of the whole image, at its corner; the panel's list contains the same for the
 * keyboard.
 */
import type { Observation } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { type Finding, formatPercent, getTitle } from "../findings/findings"
import { reviewTexts } from "../review/en"
import type { Highlight } from "./AnnotationOverlay"
import type { LoadedArtifact } from "./artifactFiles"
import { ClassScores } from "./ClassScores"
import { observationTexts, viewerTexts } from "./en"
import type { View } from "./viewGeometry"

interface ImageBadgesProps extends Highlight {
  findings: Finding[]
  /** Observations of the whole image that no finding shows. */
  observations: Observation[]
  files: ReadonlyMap<string, LoadedArtifact>
  view: View
  /** The width of the whole image on the screen. */
  width: number
}

const MAX_SCORES = 5
/** Bars would cover too much of an image that is narrower than this on the screen, in pixels. */
const BARS_FROM = 420

export function ImageBadges({
  findings,
  observations,
  files,
  lit,
  onLight,
  onChoose,
  view,
  width,
}: ImageBadgesProps) {
  const classColour = useClassColour()
  const whole = findings.filter(
    (finding) => finding.type === "classification" || finding.type === "heatmap",
  )
  if (whole.length + observations.length === 0) return null
  return (
    <div
      className="corner"
      data-testid="corner"
      aria-hidden
      style={{ left: Math.max(view.x, 0) + 8, top: Math.max(view.y, 0) + 8 }}
    >
      {observations.map((one) => (
        <div key={one.id} className={lit.size === 0 ? "tag" : "tag dimmed"} data-whole={one.name}>
          <p>
            <span className="dot" style={{ background: classColour(one.name) }} />
            {one.name || observationTexts.unnamed}
            {one.count !== null && one.count > 1 && ` ${reviewTexts.times(one.count)}`}{" "}
            {formatPercent(one.confidence)}
          </p>
        </div>
      ))}
      {whole.map((finding) => {
        const state = finding.type === "heatmap" ? files.get(finding.id)?.state : undefined
        return (
          <div
            key={finding.id}
            className={lit.size === 0 ? "tag" : lit.has(finding.id) ? "tag lit" : "tag dimmed"}
            data-tag-for={finding.id}
            onPointerEnter={() => onLight(finding.id)}
            onPointerLeave={() => onLight(null)}
            onPointerDown={() => onChoose(finding.id)}
          >
            {finding.classScores.length > 1 && width >= BARS_FROM ? (
              <ClassScores scores={finding.classScores.slice(0, MAX_SCORES)} />
            ) : (
              <p>
                <span className="dot" style={{ background: classColour(finding.name) }} />
                {finding.type === "heatmap"
                  ? viewerTexts.heatmapOf(finding.name)
                  : getTitle(finding)}{" "}
                {state === "coming"
                  ? viewerTexts.coming
                  : state === "failed"
                    ? viewerTexts.notLoaded
                    : formatPercent(finding.confidence)}
              </p>
            )}
          </div>
        )
      })}
    </div>
  )
}
