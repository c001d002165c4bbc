/** Drawing on the review screen: boxes are steps of the review, and can be undone like them. */
import { type RefObject, useMemo } from "react"
import type { Observation } from "../api/types"
import { getTitle } from "../findings/findings"
import { showToast } from "../ui/Toasts"
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
  { findings }: ReturnType<typeof useObservedFindings>,
) {
  const image = data?.images[frame]
  const { canDraw, canChange, findEditable, shapes, build, buildRemoval } = useDrawnBoxes(
    image,
    data?.observations ?? NOTHING,
  )
  const finding = findings.find(({ id }) => id === current.chosen)
  const selected = useMemo(() => findEditable(finding), [finding, findEditable])
  const record = async (decision: NewBoxDecision): Promise<boolean> =>
    unit !== undefined &&
    data !== undefined &&
    (await session.draw(session.index, unit, data.images.length, frame, decision)) !== null
  const isOpen = current.mode === null && current.counting === null
  const editor = useBoxEditor(canvas, {
    image,
    isEnabled: canDraw && isOpen,
    selected,
    shapes,
    onSave: async (shape, of) => {
      const decision = build(shape, of)
      if (!decision || !(await record(decision))) return null
      select({ chosen: decision.id, frame })
      return decision.target
    },
    onDelete: () => {
      if (!finding) return false
      if (finding.annotation.source !== "human") act.decideWhole("blank")
      else if (canChange(finding)) {
        const decision = buildRemoval(finding)
        if (decision) void record(decision)
        select({ chosen: null, frame })
        editor.announce(drawingTexts.deleted(getTitle(finding)))
      } else showToast(drawingTexts.notYours, true)
      return true
    },
  })
  return editor
}
