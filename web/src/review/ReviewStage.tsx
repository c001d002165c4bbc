/** The large image of the review with the boxes that are observations. */
import { useQuery } from "@tanstack/react-query"
import { forwardRef, useImperativeHandle, useMemo, useRef, useState } from "react"
import type { Image as StoredImage } from "../api/types"
import { type Finding, listFindings } from "../findings/findings"
import { applyObservations, listWholeObservations } from "../findings/observedFindings"
import { imageQuery } from "../images/queries"
import { getDrawnShape, useArtifactFiles } from "../viewer/artifactFiles"
import { ImageCanvas, type ImageCanvasHandle } from "../viewer/ImageCanvas"
import type { BoxEditor } from "../viewer/useBoxEditor"
import type { Look } from "../viewer/useLook"
import { useHumanBoxes, usePendingNames } from "../viewer/useObservations"
import { FIT_WHOLE, NO_VIEW } from "../viewer/useZoomPan"
import { joinRectangles, showArea } from "../viewer/viewGeometry"
import type { UnitData } from "./reviewQueries"

const OPACITY = 0.45
const NO_FINDINGS: Finding[] = []

/** Return the boxes of an image as its observations and the user's decisions name them. */
export function useObservedFindings(
  project: number,
  image: StoredImage | undefined,
  unit: UnitData | undefined,
  fetchedAt: number,
) {
  const { data: detail, dataUpdatedAt } = useQuery({
    ...imageQuery(project, image?.id ?? ""),
    enabled: image !== undefined,
  })
  const humanBoxes = useHumanBoxes(detail, dataUpdatedAt)
  const pending = usePendingNames(project, image?.id ?? "", fetchedAt)
  const observations = useMemo(
    () => unit?.observations.filter((one) => one.image_id === image?.id) ?? [],
    [unit, image?.id],
  )
  const all = useMemo(
    () =>
      detail
        ? [...detail.analyses.flatMap((one) => listFindings(one, detail)), ...humanBoxes]
        : NO_FINDINGS,
    [detail, humanBoxes],
  )
  const findings = useMemo(
    () => applyObservations(all, observations, pending),
    [all, observations, pending],
  )
  const { files } = useArtifactFiles(findings, detail)
  const boxes = useMemo(
    () => findings.filter((one) => !one.parent && "bounds" in getDrawnShape(one, files)),
    [findings, files],
  )
  const whole = useMemo(() => listWholeObservations(all, observations), [all, observations])
  return { findings, files, boxes, whole }
}

export interface ReviewStageHandle extends Pick<ImageCanvasHandle, "getView"> {
  zoom: (factor: number) => void
  /** Zoom to the boxes, or show the whole image if it is zoomed. */
  flipZoom: (boxes: string[]) => void
}

interface ReviewStageProps {
  image: StoredImage
  observed: ReturnType<typeof useObservedFindings>
  chosen: string | null
  onChoose: (id: string | null) => void
  editor: BoxEditor
  look: Look
}

export const ReviewStage = forwardRef<ReviewStageHandle, ReviewStageProps>(function Stage(
  { image, observed, chosen, onChoose, editor, look },
  handle,
) {
  const [place, setPlace] = useState(FIT_WHOLE)
  const [hovered, setHovered] = useState<string | null>(null)
  const lit = useMemo(() => {
    const one = chosen ?? hovered
    return new Set(one === null ? [] : [one])
  }, [chosen, hovered])
  const canvas = useRef<ImageCanvasHandle>(null)
  const frame = useRef<HTMLDivElement>(null)
  const { boxes, files } = observed
  useImperativeHandle(
    handle,
    () => ({
      zoom: (factor) => canvas.current?.zoom(factor),
      getView: () => canvas.current?.getView() ?? NO_VIEW,
      flipZoom: (ids) => {
        const shapes = boxes
          .filter(({ id }) => ids.includes(id))
          .flatMap((one) => {
            const shape = getDrawnShape(one, files)
            return "bounds" in shape ? [shape.bounds] : []
          })
        const { clientWidth: width = 0, clientHeight: height = 0 } = frame.current ?? {}
        setPlace((old) =>
          old.fitted && shapes.length > 0
            ? { view: showArea(joinRectangles(shapes), image, { width, height }), fitted: false }
            : FIT_WHOLE,
        )
      },
    }),
    [boxes, files, image],
  )
  return (
    <div ref={frame} className="review-canvas">
      <ImageCanvas
        ref={canvas}
        image={image}
        findings={observed.findings}
        observations={observed.whole}
        files={observed.files}
        lit={lit}
        onLight={setHovered}
        onChoose={onChoose}
        opacity={OPACITY}
        map={null}
        place={place}
        onPlace={setPlace}
        editor={editor}
        look={look}
      />
    </div>
  )
})
