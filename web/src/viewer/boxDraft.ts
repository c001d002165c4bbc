/** A shape that is drawn or changed and not stored yet, and the texts about it. */
import type { Finding } from "../findings/findings"
import type { Point } from "./boxGeometry"
import { drawingTexts as t } from "./en"
import { type DrawnShape, getExtent, isComplete, isCrossed } from "./shapeGeometry"

/** A box, point or polygon that is not stored. */
export interface BoxDraft {
  /** The box that is changed; null for a new one. */
  of: Finding | null
  shape: DrawnShape
  /**
   * Whether it has handles. A new box that was not moved yet is replaced by the next drag, and a new
   * polygon gets corners until it is saved.
   */
  isPlaced: boolean
  /** Where the keyboard adds the next corner of a new polygon. */
  cursor: Point | null
  /** The corner of a polygon that the keyboard moves; null moves the whole shape. */
  corner: number | null
}

export interface EditableBox {
  finding: Finding
  shape: DrawnShape
}

export const placeDraft = ({ finding, shape }: EditableBox): BoxDraft => ({
  of: finding,
  shape,
  isPlaced: true,
  cursor: null,
  corner: null,
})

/** Find why a shape cannot be saved; null if it can, and no text for a box that is too small. */
export function findObstacle(shape: DrawnShape): string | null {
  if (shape.kind !== "polygon") return isComplete(shape) ? null : ""
  if (shape.corners.length < 3) return t.tooFewCorners
  if (isCrossed(shape.corners)) return t.crossed
  return isComplete(shape) ? null : t.tooSmall
}

export function formatSaved(name: string, shape: DrawnShape): string {
  const { x, y, width, height } = getExtent(shape)
  if (shape.kind === "point") return t.pointSaved(name, x, y)
  if (shape.kind === "polygon") return t.polygonSaved(name, shape.corners.length)
  return t.saved(name, width, height, x, y)
}
