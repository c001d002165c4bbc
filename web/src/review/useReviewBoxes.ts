/** Drawing on the review screen: boxes are steps of the review, and can be undone like them. */
import { type RefObject, useMemo } from "react"
import type { Observation } from "../api/types"
import { getTitle } from "../findings/findings"
import { showToast } from "../ui/Toasts"
import { getDrawnShape } from "../viewer/artifactFiles"
import { drawingTexts } from "../viewer/en"
import { useBoxEditor } from "../viewer/useBoxEditor"
import type { NewBoxDecision } from "./decisions"
import type { ReviewStageHandle, useObservedFindings } from "./ReviewStage"
import { useDrawnBoxes } from "./useDrawnBoxes"
import type { useReviewActions } from "./useReviewActions"
import type { ReviewSession } from "./useReviewSession"
import type { ReviewUnitState } from "./useReviewUnit"

const NOTHING: readonly Observation[] = []

export function useReviewBoxes(
  canvas: RefObject<ReviewStageHandle | null>,
  session: ReviewSession,
  { unit, data, frame, current, select }: ReviewUnitState,
  act: ReturnType<typeof useReviewActions>,
  { findings, files }: ReturnType<typeof useObservedFindings>,
) {
  const image = data?.images[frame]
  const { canDraw, canChange, build, buildRemoval } = useDrawnBoxes(
    image,
    data?.observations ?? NOTHING,
  )
  const finding = findings.find(({ id }) => id === current.chosen)
  const selected = useMemo(() => {
    const shape = finding && canChange(finding) ? getDrawnShape(finding, files) : null
    return finding && shape?.kind === "box" ? { finding, bounds: shape.bounds } : null
  }, [finding, files, canChange])
  const record = async (decision: NewBoxDecision): Promise<boolean> =>
    unit !== undefined &&
    data !== undefined &&
    (await session.draw(session.index, unit, data.images.length, frame, decision)) !== null
  const isOpen = current.mode === null && current.counting === null
  const editor = useBoxEditor(canvas, {
    image,
    isEnabled: canDraw && isOpen,
    selected,
    onSave: async (bounds, of) => {
      const decision = build(bounds, of)
      if (!decision || !(await record(decision))) return
      select({ chosen: decision.id, frame })
      const { x, y, width, height } = bounds
      editor.announce(drawingTexts.saved(decision.target, width, height, x, y))
    },
    onDelete: () => {
      if (!finding) return false
      if (finding.annotation.source !== "human") act.decideWhole("blank")
      else if (canChange(finding)) {
        const decision = buildRemoval(finding)
        if (decision) void record(decision)
        select({ chosen: null })
        editor.announce(drawingTexts.deleted(getTitle(finding)))
      } else showToast(drawingTexts.notYours, true)
      return true
    },
  })
  return editor
}
