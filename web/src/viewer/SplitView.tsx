/** One image, or the same image twice with an analysis each and synchronized zoom and pan. */
import { forwardRef, useImperativeHandle, useRef, useState } from "react"
import type { Analysis } from "../api/types"
import { getDrawnShape } from "./artifactFiles"
import { viewerTexts } from "./en"
import { ImageCanvas, type ImageCanvasHandle, type ImageCanvasProps } from "./ImageCanvas"
import { type CompareMode, NO_ANALYSIS } from "./useViewerState"
import { FIT_WHOLE, NO_VIEW, type ViewPosition } from "./useZoomPan"
import { joinRectangles, showArea } from "./viewGeometry"

interface SplitViewProps extends ImageCanvasProps {
  analyses: Analysis[]
  beside: CompareMode | null
  onBeside: (beside: CompareMode | null) => void
}

export interface SplitViewHandle extends ImageCanvasHandle {
  /** Zoom to these findings, or show the whole image if it is zoomed. */
  flipZoom: (ids: readonly string[]) => void
}

export const SplitView = forwardRef<SplitViewHandle, SplitViewProps>(function Stage(
  { analyses, beside, onBeside, onScale, editor, ...shared },
  handle,
) {
  const [place, setPlace] = useState<ViewPosition>(FIT_WHOLE)
  const first = useRef<ImageCanvasHandle>(null)
  useImperativeHandle(
    handle,
    () => ({
      zoom: (factor) => first.current?.zoom(factor),
      setScale: (scale) => first.current?.setScale(scale),
      pan: (dx, dy) => first.current?.pan(dx, dy),
      showWhole: () => first.current?.showWhole(),
      getView: () => first.current?.getView() ?? NO_VIEW,
      flipZoom: (ids) => {
        const bounds = shared.findings
          .filter(({ id }) => ids.includes(id))
          .flatMap((one) => {
            const shape = getDrawnShape(one, shared.files)
            return "bounds" in shape ? [shape.bounds] : []
          })
        const canvas = first.current?.getView().canvas
        setPlace((old) =>
          old.fitted && canvas && bounds.length > 0
            ? { view: showArea(joinRectangles(bounds), shared.image, canvas), fitted: false }
            : FIT_WHOLE,
        )
      },
    }),
    [shared.findings, shared.files, shared.image],
  )
  if (!beside)
    return (
      <div className="stage">
        <ImageCanvas
          ref={first}
          {...shared}
          editor={editor}
          onScale={onScale}
          place={place}
          onPlace={setPlace}
        />
      </div>
    )
  const pane = (side: "left" | "right") => (
    <ImageCanvas
      key={side}
      ref={side === "left" ? first : undefined}
      {...shared}
      onScale={side === "left" ? onScale : undefined}
      findings={shared.findings.filter((finding) => finding.analysis.id === beside[side])}
      place={place}
      onPlace={setPlace}
      head={
        <label className="pane-head">
          <span>{viewerTexts.sides[side]}</span>
          <select
            value={beside[side]}
            data-side={side}
            onChange={(event) => onBeside({ ...beside, [side]: event.target.value })}
          >
            <option value={NO_ANALYSIS}>{viewerTexts.onlyPicture}</option>
            {analyses.map((one) => (
              <option key={one.id} value={one.id}>
                {viewerTexts.analysisName(
                  one.model_name,
                  one.model_version,
                  one.job_id,
                  one.simulated,
                )}
              </option>
            ))}
          </select>
        </label>
      }
    />
  )
  return (
    <div className="stage split" data-testid="beside">
      {pane("left")}
      {pane("right")}
    </div>
  )
})
