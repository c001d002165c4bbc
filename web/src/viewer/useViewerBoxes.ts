/** Drawing in the viewer: boxes are queued like decisions, and one of them is selected. */
import { type RefObject, useMemo } from "react"
import type { ImageDetail, Observation } from "../api/types"
import { type Finding, getTitle } from "../findings/findings"
import type { NewBoxDecision } from "../review/decisions"
import { useDrawnBoxes } from "../review/useDrawnBoxes"
import { enqueueUndoable, showQueueError, useIdentify } from "../review/useIdentify"
import { showToast } from "../ui/Toasts"
import { getDrawnShape, type LoadedArtifact } from "./artifactFiles"
import { drawingTexts as t } from "./en"
import type { ImageCanvasHandle } from "./ImageCanvas"
import { useBoxEditor } from "./useBoxEditor"

interface ViewerBoxesOptions {
  /** Undefined while nothing can be drawn. */
  image: ImageDetail | undefined
  observations: readonly Observation[]
  visible: Finding[]
  files: ReadonlyMap<string, LoadedArtifact>
  chosen: string | null
  onChoose: (id: string | null) => void
}

export function useViewerBoxes(
  canvas: RefObject<ImageCanvasHandle | null>,
  { image, observations, visible, files, chosen, onChoose }: ViewerBoxesOptions,
) {
  const { canDraw, canChange, findEditable, shapes, build, buildRemoval } = useDrawnBoxes(
    image,
    observations,
  )
  const { say } = useIdentify(image)
  const finding = visible.find(({ id }) => id === chosen)
  const selected = useMemo(() => findEditable(finding), [finding, findEditable])
  const queue = async (decision: NewBoxDecision): Promise<boolean> => {
    try {
      await enqueueUndoable(decision)
      return true
    } catch (error) {
      showQueueError(error)
      return false
    }
  }
  const editor = useBoxEditor(canvas, {
    image,
    isEnabled: canDraw,
    selected,
    shapes,
    onSave: async (shape, of) => {
      const decision = build(shape, of)
      if (!decision || !(await queue(decision))) return null
      onChoose(decision.id)
      return decision.target
    },
    onDelete: () => {
      if (!finding) return false
      if (finding.annotation.source !== "human")
        void say({ kind: "blank" }, { id: finding.id, name: getTitle(finding) })
      else if (canChange(finding)) {
        const decision = buildRemoval(finding)
        if (decision) void queue(decision)
        editor.announce(t.deleted(getTitle(finding)))
      } else showToast(t.notYours, true)
      onChoose(null)
      return true
    },
  })
  const boxes = visible.filter((one) => !one.parent && "bounds" in getDrawnShape(one, files))
  /** Select the next box; false if the key is about the focus, or after the last box. */
  const cycle = (by: number): boolean => {
    const from = document.activeElement
    const isHere = !from || from === document.body || from.closest(".canvas") !== null
    if (!isHere || !canDraw) return false
    const at = boxes.findIndex(({ id }) => id === chosen)
    const next = at < 0 ? (by > 0 ? 0 : -1) : at + by
    const one = boxes[next]
    onChoose(one?.id ?? null)
    if (one) editor.announce(t.selected(getTitle(one), next + 1, boxes.length))
    return one !== undefined
  }
  return { ...editor, cycle }
}
