/** What is said of the whole picture, at its corner; the panel's list has the same for the keyboard. */
import { useClassColour } from "../findings/classes"
import { words } from "../en"
import type { Loaded } from "./files"
import { type Finding, percent, titleOf } from "../findings/findings"
import type { View } from "./geometry"
import { Guesses } from "./Guesses"
import type { Light } from "./Overlay"

interface CornerProps extends Light {
  findings: Finding[]
  files: ReadonlyMap<string, Loaded>
  view: View
  /** How wide the whole picture is on the screen. */
  width: number
}

const SHOWN_GUESSES = 5
/** Bars would hide too much of a picture that is shown smaller than this. */
const BARS_FROM = 420

export function Corner({ findings, files, lit, onLight, onChoose, view, width }: CornerProps) {
  const classColour = useClassColour()
  const whole = findings.filter((finding) => finding.type === "classification" || finding.type === "heatmap")
  if (whole.length === 0) return null
  return (
    <div className="corner" data-testid="corner" aria-hidden style={{ left: Math.max(view.x, 0) + 8, top: Math.max(view.y, 0) + 8 }}>
      {whole.map((finding) => {
        const state = finding.type === "heatmap" ? files.get(finding.id)?.state : undefined
        return (
          <div
            key={finding.id} className={lit.size === 0 ? "tag" : lit.has(finding.id) ? "tag lit" : "tag dimmed"} data-tag-for={finding.id}
            onPointerEnter={() => onLight(finding.id)} onPointerLeave={() => onLight(null)} onPointerDown={() => onChoose(finding.id)}
          >
            {finding.guesses.length > 1 && width >= BARS_FROM ? <Guesses guesses={finding.guesses.slice(0, SHOWN_GUESSES)} /> : (
              <p>
                <span className="dot" style={{ background: classColour(finding.name) }} />
                {finding.type === "heatmap" ? words.viewer.heatmapOf(finding.name) : titleOf(finding)}{" "}
                {state === "coming" ? words.viewer.coming : state === "failed" ? words.viewer.notLoaded : percent(finding.confidence)}
              </p>
            )}
          </div>
        )
      })}
    </div>
  )
}
