/**
 * Boxes, areas and points over the image. Lines keep their width and labels their size at any zoom.
 */
import { memo } from "react"
import { useClassColour } from "../findings/classColours"
import { type Finding, formatPercent, getTitle } from "../findings/findings"
import type { Rectangle, Shape } from "../findings/shapes"
import type { Size } from "../findings/size"
import { getInitials } from "../ui/initials"
import { placeLabels, type View } from "./viewGeometry"

export interface OverlayItem {
  finding: Finding
  shape: Shape & { bounds: Rectangle }
}

/** Which findings are highlighted, and the functions that change it. */
export interface Highlight {
  lit: ReadonlySet<string>
  /** Called when the pointer or the focus is on a finding, or on none. */
  onLight: (id: string | null) => void
  /** Called to select a finding, which stays highlighted. */
  onChoose: (id: string) => void
}

interface AnnotationOverlayProps extends Highlight {
  drawn: OverlayItem[]
  view: View
  picture: Size
  canvas: Size
  opacity: number
}

const LABEL_HEIGHT = 20
/**
 * With more visible findings than this, labels would hide the image: only highlighted ones have a
 * label.
 */
const MAX_LABELS = 150
const HALO = "#05080699"
let textContext: CanvasRenderingContext2D | null = null

function getTextWidth(text: string): number {
  textContext ??= document.createElement("canvas").getContext("2d")
  if (!textContext) return text.length * 7
  textContext.font = `600 12px ${getComputedStyle(document.documentElement).getPropertyValue("--face")}`
  return textContext.measureText(text).width
}

/** Class and confidence, or the initials of the person who drew the box. */
function getLabelText(finding: Finding): string {
  const { source, author } = finding.annotation
  const by = source === "human" && author ? `· ${getInitials(author)}` : ""
  return [getTitle(finding), formatPercent(finding.confidence), by].filter(Boolean).join(" ")
}

export function AnnotationOverlay({
  drawn,
  lit,
  onLight,
  onChoose,
  view,
  picture,
  canvas,
  opacity,
}: AnnotationOverlayProps) {
  const classColour = useClassColour()
  const size = ({ shape }: OverlayItem) => shape.bounds.width * shape.bounds.height
  // Smaller findings are above larger ones, where the pointer reaches them; highlighted ones are
  // above all.
  const ordered = [...drawn].sort(
    (a, b) =>
      Number(lit.has(a.finding.id)) - Number(lit.has(b.finding.id)) ||
      size(b) - size(a) ||
      (a.finding.confidence ?? 1) - (b.finding.confidence ?? 1),
  )
  const ids = new Set(drawn.map(({ finding }) => finding.id))
  const labelled = ordered.flatMap(({ finding, shape }) => {
    const box = {
      x: view.x + shape.bounds.x * view.scale,
      y: view.y + shape.bounds.y * view.scale,
      width: shape.bounds.width * view.scale,
      height: shape.bounds.height * view.scale,
    }
    const seen =
      box.x < canvas.width &&
      box.y < canvas.height &&
      box.x + box.width > 0 &&
      box.y + box.height > 0
    // The mask of a box needs no label in addition to that of the box.
    const saysIt = lit.has(finding.id) || !finding.parent || !ids.has(finding.parent)
    return seen && saysIt ? [{ finding, box }] : []
  })
  const few =
    labelled.length <= MAX_LABELS ? labelled : labelled.filter(({ finding }) => lit.has(finding.id))
  const isKept = ({ id, annotation }: Finding) => lit.has(id) || annotation.source === "human"
  const texts = new Map(few.map(({ finding }) => [finding.id, getLabelText(finding)]))
  const places = placeLabels(
    few
      .map(({ finding, box }) => ({
        id: finding.id,
        box,
        label: {
          width: Math.min(getTextWidth(texts.get(finding.id) ?? "") + 12, canvas.width),
          height: LABEL_HEIGHT,
        },
        isKept: isKept(finding),
        rank:
          Number(lit.has(finding.id)) * 4 + Number(isKept(finding)) * 2 + (finding.confidence ?? 1),
      }))
      .sort((a, b) => b.rank - a.rank),
    view,
    picture,
    canvas,
  )
  return (
    <svg className="overlay" data-testid="overlay" aria-hidden>
      <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
        {ordered.map(({ finding, shape }) => (
          <OverlayShape
            key={finding.id}
            finding={finding}
            shape={shape}
            isLit={lit.has(finding.id)}
            isDimmed={lit.size > 0 && !lit.has(finding.id)}
            opacity={opacity}
            onLight={onLight}
            onChoose={onChoose}
          />
        ))}
      </g>
      {ordered.map(
        ({ finding, shape }) =>
          shape.kind === "points" &&
          lit.has(finding.id) && (
            <g key={finding.id} className="point-names">
              {shape.points.map(
                (point, at) =>
                  point?.name && (
                    <text
                      // biome-ignore lint/suspicious/noArrayIndexKey: items have no ID and do not move
                      key={at}
                      x={view.x + point.x * view.scale + 8}
                      y={view.y + point.y * view.scale}
                    >
                      {point.name}
                    </text>
                  ),
              )}
            </g>
          ),
      )}
      {few.map(({ finding }) => {
        const colour = classColour(finding.name)
        const text = texts.get(finding.id) ?? ""
        const place = places.get(finding.id)
        if (!place) return null
        const label = {
          width: Math.min(getTextWidth(text) + 12, canvas.width),
          height: LABEL_HEIGHT,
        }
        return (
          <g
            key={finding.id}
            data-label-for={finding.id}
            className={lit.size > 0 && !lit.has(finding.id) ? "dimmed" : undefined}
          >
            <rect {...place} {...label} rx={3} fill={colour} stroke={HALO} />
            <text x={place.x + 6} y={place.y + LABEL_HEIGHT / 2 + 0.5} fill="#0b0f0d">
              {text}
            </text>
          </g>
        )
      })}
    </svg>
  )
}

interface OverlayShapeProps extends OverlayItem {
  isLit: boolean
  isDimmed: boolean
  opacity: number
  onLight: (id: string | null) => void
  onChoose: (id: string) => void
}

/**
 * One finding in pixels of the image; it does not render again when the image is moved or zoomed.
 */
const OverlayShape = memo(function OverlayShape({
  finding,
  shape,
  isLit,
  isDimmed,
  opacity,
  onLight,
  onChoose,
}: OverlayShapeProps) {
  const classColour = useClassColour()
  const colour = classColour(finding.name)
  const halo = {
    fill: "none",
    stroke: HALO,
    strokeWidth: isLit ? 6 : 4,
    vectorEffect: "non-scaling-stroke" as const,
  }
  const line = {
    stroke: colour,
    strokeWidth: isLit ? 4 : 2,
    vectorEffect: "non-scaling-stroke" as const,
  }
  const marks = {
    "data-finding": finding.id,
    "data-type": finding.type,
    "data-class": finding.name ?? "",
  }
  return (
    <g
      className={isDimmed ? "dimmed" : undefined}
      onPointerEnter={() => onLight(finding.id)}
      onPointerLeave={() => onLight(null)}
      onPointerDown={() => onChoose(finding.id)}
    >
      {shape.kind === "box" && (
        <>
          <rect {...shape.bounds} {...halo} />
          <rect
            {...shape.bounds}
            {...line}
            {...marks}
            data-box-id={finding.id}
            className="hit-area"
            fill="transparent"
          />
        </>
      )}
      {shape.kind === "area" && (
        <>
          <path d={shape.path} {...halo} strokeLinejoin="round" />
          <path
            d={shape.path}
            {...line}
            {...marks}
            className="hit-area"
            fill={colour}
            fillOpacity={isLit ? Math.min(1, opacity + 0.15) : opacity}
            fillRule="evenodd"
            strokeLinejoin="round"
          />
        </>
      )}
      {shape.kind === "points" && (
        <KeypointShape shape={shape} isLit={isLit} colour={colour} marks={marks} />
      )}
    </g>
  )
})

/** Points are lines of length 0 with round caps, so that they keep their size. */
function KeypointShape({
  shape,
  isLit,
  colour,
  marks,
}: {
  shape: Shape & { kind: "points" }
  isLit: boolean
  colour: string
  marks: object
}) {
  const lines = shape.lines.map(([a, b]) => `M${a.x} ${a.y}L${b.x} ${b.y}`).join("")
  const dots = shape.points
    .map((point) => point && `M${point.x} ${point.y}h0`)
    .filter(Boolean)
    .join("")
  const dot = isLit ? 10 : 8
  const path = {
    fill: "none",
    strokeLinecap: "round" as const,
    vectorEffect: "non-scaling-stroke" as const,
  }
  return (
    <>
      <path d={lines} {...path} stroke={HALO} strokeWidth={isLit ? 6 : 4} />
      <path d={dots} {...path} stroke={HALO} strokeWidth={dot + 4} />
      <path
        d={lines}
        {...path}
        {...marks}
        data-part="lines"
        className="hit-line"
        stroke={colour}
        strokeWidth={isLit ? 4 : 2}
      />
      <path d={dots} {...path} data-part="dots" stroke={colour} strokeWidth={dot} />
      <path d={lines + dots} {...path} className="hit-line" stroke="transparent" strokeWidth={18} />
    </>
  )
}
