/** The findings of an image as the viewer shows them. */
import type { Analysis, Annotation } from "../api/types"
import { findingTexts } from "./en"
import { getShape, type Shape } from "./shapes"
import type { Size } from "./size"

export type FindingType = Annotation["annotation_type"]

/** A class with a classifier's confidence. */
export interface ClassScore {
  name: string
  confidence: number
}

/**
 * An annotation that is a separate entry of the list; `classifications` are annotations about it.
 */
export interface Finding {
  id: string
  analysis: Analysis
  annotation: Annotation
  name: string | null
  confidence: number | null
  type: FindingType
  shape: Shape
  /** The scores of a classification of the whole image, highest confidence first. */
  classScores: ClassScore[]
  classifications: Annotation[]
  /** The finding that this one is part of, whose label also applies to this one. */
  parent: string | null
}

/**
 * Return the scores of a classification, highest confidence first; invalid entries are left out.
 */
export function listClassScores(annotation: Annotation): ClassScore[] {
  const given = annotation.data.topk
  if (!Array.isArray(given)) return []
  return given
    .map((one: unknown) => (one ?? {}) as { class?: unknown; confidence?: unknown })
    .filter(
      (one) =>
        typeof one.class === "string" &&
        typeof one.confidence === "number" &&
        Number.isFinite(one.confidence),
    )
    .map((one) => ({ name: one.class as string, confidence: one.confidence as number }))
    .sort((a, b) => b.confidence - a.confidence)
}

/**
 * Return class and confidence of an annotation. A classification can have them only in its data.
 */
export function getNameAndConfidence(annotation: Annotation): {
  name: string | null
  confidence: number | null
} {
  if (annotation.annotation_type !== "classification")
    return { name: annotation.class_name, confidence: annotation.confidence }
  const first = listClassScores(annotation)[0]
  const score = annotation.data.score
  return {
    name: annotation.class_name ?? first?.name ?? null,
    confidence:
      annotation.confidence ?? (typeof score === "number" ? score : (first?.confidence ?? null)),
  }
}

/** List the findings of an analysis, highest confidence first. */
export function listFindings(analysis: Analysis, image: Size): Finding[] {
  const all = new Map(analysis.annotations.map((annotation) => [annotation.id, annotation]))
  // Only a classification describes another annotation, and that one must not be such a
  // classification.
  const isSaid = (annotation: Annotation) => {
    const parent = annotation.parent_id ? all.get(annotation.parent_id) : undefined
    return (
      annotation.annotation_type === "classification" &&
      parent !== undefined &&
      parent.annotation_type !== "classification"
    )
  }
  const said = new Map<string, Annotation[]>()
  const own: Annotation[] = []
  for (const annotation of analysis.annotations) {
    if (!isSaid(annotation)) own.push(annotation)
    else
      said.set(annotation.parent_id ?? "", [
        ...(said.get(annotation.parent_id ?? "") ?? []),
        annotation,
      ])
  }
  const sorted = own
    .map((annotation) => ({
      id: annotation.id,
      analysis,
      annotation,
      ...getNameAndConfidence(annotation),
      type: annotation.annotation_type,
      shape: getShape(annotation, image),
      classScores:
        annotation.annotation_type === "classification" ? listClassScores(annotation) : [],
      classifications: (said.get(annotation.id) ?? []).sort(
        (a, b) =>
          (getNameAndConfidence(b).confidence ?? 0) - (getNameAndConfidence(a).confidence ?? 0),
      ),
      parent:
        annotation.parent_id &&
        annotation.parent_id !== annotation.id &&
        all.has(annotation.parent_id)
          ? annotation.parent_id
          : null,
    }))
    .sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0))
  // The parts of a finding follow directly after it.
  const parts = new Map<string, Finding[]>()
  for (const finding of sorted)
    if (finding.parent) parts.set(finding.parent, [...(parts.get(finding.parent) ?? []), finding])
  const placed = new Set<Finding>()
  const put = (finding: Finding): void => {
    if (placed.has(finding)) return
    placed.add(finding)
    for (const part of parts.get(finding.id) ?? []) put(part)
  }
  for (const finding of sorted) if (finding.parent === null) put(finding)
  for (const finding of sorted) put(finding)
  return [...placed]
}

/** The key that switches a class on and off. */
export const getClassKey = (finding: Finding): string => finding.name ?? ""

/** The title of a finding: its class, or otherwise the type of its annotation. */
export const getTitle = (finding: Finding): string =>
  finding.name ?? findingTexts.types[finding.type] ?? findingTexts.noClass

export function formatPercent(confidence: number | null): string {
  return confidence === null ? "" : `${Math.round(confidence * 100)} %`
}
