/** One picture, or the same one twice with an analysis each, zoomed and moved in step. */
import { forwardRef, useImperativeHandle, useRef, useState } from "react"
import type { Analysis } from "../api/types"
import { words } from "../en"
import { Canvas, type CanvasHandle, type CanvasProps } from "./Canvas"
import { NOTHING, type Beside } from "./useSight"
import { type Place, WHOLE } from "./useView"

interface StageProps extends CanvasProps {
  analyses: Analysis[]
  beside: Beside | null
  onBeside: (beside: Beside | null) => void
}

export const Stage = forwardRef<CanvasHandle, StageProps>(function Stage({ analyses, beside, onBeside, onScale, ...shared }, handle) {
  const [place, setPlace] = useState<Place>(WHOLE)
  const first = useRef<CanvasHandle>(null)
  useImperativeHandle(handle, () => ({
    zoom: (factor) => first.current?.zoom(factor),
    setScale: (scale) => first.current?.setScale(scale),
    pan: (dx, dy) => first.current?.pan(dx, dy),
    showWhole: () => first.current?.showWhole(),
  }), [])
  if (!beside) return <div className="stage"><Canvas ref={first} {...shared} onScale={onScale} place={place} onPlace={setPlace} /></div>
  const pane = (side: "left" | "right") => (
    <Canvas
      key={side} ref={side === "left" ? first : undefined} {...shared} onScale={side === "left" ? onScale : undefined}
      findings={shared.findings.filter((finding) => finding.analysis.id === beside[side])} place={place} onPlace={setPlace}
      head={
        <label className="pane-head">
          <span>{words.viewer.sides[side]}</span>
          <select value={beside[side]} data-side={side} onChange={(event) => onBeside({ ...beside, [side]: event.target.value })}>
            <option value={NOTHING}>{words.viewer.onlyPicture}</option>
            {analyses.map((one) => <option key={one.id} value={one.id}>{words.viewer.analysisName(one.model_name, one.model_version, one.job_id, one.simulated)}</option>)}
          </select>
        </label>
      }
    />
  )
  return <div className="stage beside" data-testid="beside">{pane("left")}{pane("right")}</div>
})
