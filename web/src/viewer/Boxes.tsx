/** Boxes over the picture, in CSS pixels of the canvas: lines keep their width and labels their size at any zoom. */
import { classColour } from "../components/classes"
import { words } from "../words/en"
import type { Finding } from "./findings"
import { labelPlace, type Size, type View } from "./geometry"

interface BoxesProps {
  findings: Finding[]
  lit: string | null
  onLight: (id: string | null) => void
  view: View
  picture: Size
  canvas: Size
}

const LABEL_HEIGHT = 20
let pen: CanvasRenderingContext2D | null = null

function textWidth(text: string): number {
  pen ??= document.createElement("canvas").getContext("2d")
  if (!pen) return text.length * 7
  pen.font = `600 12px ${getComputedStyle(document.documentElement).getPropertyValue("--face")}`
  return pen.measureText(text).width
}

export function percent(confidence: number | null): string {
  return confidence === null ? "" : `${Math.round(confidence * 100)} %`
}

export function Boxes({ findings, lit, onLight, view, picture, canvas }: BoxesProps) {
  // The surest lies on top, and the one that is lit above all.
  const ordered = [...findings].sort(
    (a, b) => Number(a.id === lit) - Number(b.id === lit) || (a.confidence ?? 1) - (b.confidence ?? 1),
  )
  return (
    <svg className="overlay" data-testid="overlay" aria-hidden>
      {ordered.map((finding) => {
        if (!finding.box) return null
        const box = {
          x: view.x + finding.box.x * view.scale,
          y: view.y + finding.box.y * view.scale,
          width: finding.box.width * view.scale,
          height: finding.box.height * view.scale,
        }
        const seen = box.x < canvas.width && box.y < canvas.height && box.x + box.width > 0 && box.y + box.height > 0
        const colour = classColour(finding.name)
        const isLit = finding.id === lit
        const text = `${finding.name ?? words.viewer.noClass} ${percent(finding.confidence)}`.trim()
        const label = { width: Math.min(textWidth(text) + 12, canvas.width), height: LABEL_HEIGHT }
        const place = labelPlace(box, label, view, picture, canvas)
        return (
          <g
            key={finding.id} className={lit && !isLit ? "dimmed" : undefined}
            onPointerEnter={() => onLight(finding.id)} onPointerLeave={() => onLight(null)}
          >
            <rect {...box} fill="none" stroke="#05080699" strokeWidth={isLit ? 6 : 4} />
            <rect
              {...box} className="box" data-box-id={finding.id} data-class={finding.name ?? ""}
              fill="transparent" stroke={colour} strokeWidth={isLit ? 4 : 2}
            />
            {seen && (
              <g data-label-for={finding.id}>
                <rect {...place} {...label} rx={3} fill={colour} stroke="#05080699" />
                <text x={place.x + 6} y={place.y + LABEL_HEIGHT / 2 + 0.5} fill="#0b0f0d">{text}</text>
              </g>
            )}
          </g>
        )
      })}
    </svg>
  )
}
