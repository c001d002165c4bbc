/** The tools for the shown image: zoom to the box, play, night preset and sliders. */
import { EyeOff, Moon, Play, ScanSearch, SlidersHorizontal, Square, ZoomIn } from "lucide-react"
import type { MouseEvent, ReactNode } from "react"
import { drawingTexts } from "../viewer/en"
import { ShapeIcon } from "../viewer/ShapeIcon"
import { type BoxEditor, DRAW_KEYS } from "../viewer/useBoxEditor"
import type { Look } from "../viewer/useLook"
import { imageToolTexts as t } from "./en"
import { type Adjustments, GAMMA_FILTER, isAdjusted, RANGES, UNADJUSTED } from "./imageAdjustments"

interface ImageToolsProps {
  editor: BoxEditor
  look: Look
  adjustments: Adjustments
  isPlaying: boolean
  canPlay: boolean
  isOpen: boolean
  onZoom: () => void
  onPlay: () => void
  onNight: () => void
  onOpen: () => void
}

export function ImageTools(props: ImageToolsProps) {
  return (
    <div className="review-tools" role="group" aria-label={t.title}>
      {props.editor.isEnabled &&
        props.editor.shapes.map((kind) => (
          <Tool
            key={kind}
            name={drawingTexts.drawShape[kind]}
            keys={DRAW_KEYS[kind]}
            isOn={props.editor.draft?.of === null && props.editor.draft.shape.kind === kind}
            onClick={() => props.editor.start(kind)}
          >
            <ShapeIcon kind={kind} size={19} />
          </Tool>
        ))}
      <Tool name={t.zoom} keys="f" onClick={props.onZoom}>
        <ScanSearch size={19} aria-hidden />
      </Tool>
      <Tool
        name={drawingTexts.magnifier}
        keys="g"
        isOn={props.look.isMagnified}
        onClick={props.look.flipMagnified}
      >
        <ZoomIn size={19} aria-hidden />
      </Tool>
      {props.canPlay && (
        <Tool name={t.play} keys="Space" isOn={props.isPlaying} onClick={props.onPlay}>
          {props.isPlaying ? <Square size={19} aria-hidden /> : <Play size={19} aria-hidden />}
        </Tool>
      )}
      <Tool name={t.night} keys="b" isOn={isAdjusted(props.adjustments)} onClick={props.onNight}>
        <Moon size={19} aria-hidden />
      </Tool>
      <Tool name={t.sliders} keys="v" isOn={props.isOpen} onClick={props.onOpen}>
        <SlidersHorizontal size={19} aria-hidden />
      </Tool>
      <Tool
        name={drawingTexts.hide}
        keys="h"
        isOn={props.look.isBare}
        onClick={() => undefined}
        onHold={props.look.setBare}
      >
        <EyeOff size={19} aria-hidden />
      </Tool>
    </div>
  )
}

interface ToolProps {
  name: string
  keys: string
  /** Undefined for an action that has no state. */
  isOn?: boolean
  onClick: () => void
  /** Called while the button is held. */
  onHold?: (isHeld: boolean) => void
  children: ReactNode
}

function Tool({ name, keys, isOn, onClick, onHold, children }: ToolProps) {
  const hold = onHold && {
    onPointerDown: () => onHold(true),
    onPointerUp: () => onHold(false),
    onPointerLeave: () => onHold(false),
    onPointerCancel: () => onHold(false),
    onContextMenu: (event: MouseEvent) => event.preventDefault(),
  }
  return (
    <button
      type="button"
      title={name}
      aria-pressed={isOn}
      aria-keyshortcuts={keys}
      onClick={onClick}
      {...hold}
    >
      {children}
      <span className="visually-hidden">{name}</span>{" "}
      <span className="review-tool-key">{keys}</span>
    </button>
  )
}

interface AdjustmentSlidersProps {
  deployment: string
  adjustments: Adjustments
  onChange: (adjustments: Adjustments) => void
}

export function AdjustmentSliders({ deployment, adjustments, onChange }: AdjustmentSlidersProps) {
  return (
    <fieldset className="review-adjust" data-testid="adjustments">
      <legend className="visually-hidden">{t.adjustments}</legend>
      <p>
        <strong>{t.adjustments}</strong>
        <button type="button" className="button button-small" onClick={() => onChange(UNADJUSTED)}>
          {t.reset}
        </button>
      </p>
      {(Object.keys(RANGES) as (keyof Adjustments)[]).map((key) => (
        <label key={key}>
          <span>{t.names[key]}</span>
          <input
            type="range"
            min={RANGES[key][0]}
            max={RANGES[key][1]}
            step={5}
            value={adjustments[key]}
            onChange={(event) => onChange({ ...adjustments, [key]: Number(event.target.value) })}
          />
          <output>{t.percent(adjustments[key])}</output>
        </label>
      ))}
      <small>{t.remembered(deployment)}</small>
    </fieldset>
  )
}

/** The filter that CSS has no function for. */
export function GammaFilter({ gamma }: { gamma: number }) {
  const exponent = 100 / gamma
  return (
    <svg width="0" height="0" className="review-filter" aria-hidden>
      <filter id={GAMMA_FILTER} colorInterpolationFilters="sRGB">
        <feComponentTransfer>
          <feFuncR type="gamma" exponent={exponent} />
          <feFuncG type="gamma" exponent={exponent} />
          <feFuncB type="gamma" exponent={exponent} />
        </feComponentTransfer>
      </filter>
    </svg>
  )
}
