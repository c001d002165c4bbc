/** What analyses found on one image, as the viewer shows it. */
import type { Analysis, Annotation, ImageDetail } from "../api/types"

export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/** One box, or one thing said of the whole image; `said` are the classifiers' words about it. */
export interface Finding {
  id: string
  analysis: Analysis
  name: string | null
  confidence: number | null
  box: Rectangle | null
  said: Annotation[]
  type: Annotation["annotation_type"]
}

const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null)

/** The box of an annotation in pixels of the upright original; a frame of another size is scaled to it. */
export function boxOf(data: Record<string, unknown>, image: { width: number; height: number }): Rectangle | null {
  const [left, top, right, bottom] = [number(data.x_min), number(data.y_min), number(data.x_max), number(data.y_max)]
  if (left === null || top === null || right === null || bottom === null) return null
  const across = image.width / (number(data.image_width) || image.width)
  const down = image.height / (number(data.image_height) || image.height)
  return { x: left * across, y: top * down, width: (right - left) * across, height: (bottom - top) * down }
}

/** Findings of the analyses in `shown`, surest first within each analysis. */
export function findingsOf(image: ImageDetail, shown: ReadonlySet<string>): Finding[] {
  return image.analyses.filter((analysis) => shown.has(analysis.id)).flatMap((analysis) => {
    const ids = new Set(analysis.annotations.map((annotation) => annotation.id))
    const children = new Map<string, Annotation[]>()
    for (const annotation of analysis.annotations) {
      const parent = annotation.parent_id
      if (parent && ids.has(parent)) children.set(parent, [...(children.get(parent) ?? []), annotation])
    }
    return analysis.annotations
      .filter((annotation) => !annotation.parent_id || !ids.has(annotation.parent_id))
      .map((annotation) => ({
        id: annotation.id,
        analysis,
        name: annotation.class_name,
        confidence: annotation.confidence,
        box: annotation.annotation_type === "bounding_box" ? boxOf(annotation.data, image) : null,
        said: (children.get(annotation.id) ?? []).sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0)),
        type: annotation.annotation_type,
      }))
      .sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0))
  })
}

/** The key under which a class is switched on and off. */
export const classKey = (finding: Finding): string => finding.name ?? ""
