/** What analyses found on one image, as the viewer shows it. */
import type { Analysis, Annotation } from "../api/types"
import { findingTexts } from "./en"
import { getShape, type Shape } from "./shapes"
import type { Size } from "./size"

export type FindingType = Annotation["annotation_type"]

/** A class that a classifier thought of, and how sure it was. */
export interface ClassScore {
  name: string
  confidence: number
}

/** One annotation with a place of its own in the list; `classifications` are the classifiers' words about it. */
export interface Finding {
  id: string
  analysis: Analysis
  annotation: Annotation
  name: string | null
  confidence: number | null
  type: FindingType
  shape: Shape
  /** What a classification of the whole image thought of, surest first. */
  classScores: ClassScore[]
  classifications: Annotation[]
  /** The finding that it belongs to, which carries the label of both. */
  parent: string | null
}

/** What a classification thought of, surest first; what is no class with a confidence is left out. */
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

/** The class and confidence of an annotation; those of a classification may stand in its data only. */
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

/** Findings of one analysis, surest first. */
export function listFindings(analysis: Analysis, image: Size): Finding[] {
  const all = new Map(analysis.annotations.map((annotation) => [annotation.id, annotation]))
  // Only a classification is a word about something else, and only about what is none itself.
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
  // What belongs to another finding comes right after it.
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

/** The key under which a class is switched on and off. */
export const getClassKey = (finding: Finding): string => finding.name ?? ""

/** What a finding is called: its class, or what kind of thing it is. */
export const getTitle = (finding: Finding): string =>
  finding.name ?? findingTexts.types[finding.type] ?? findingTexts.noClass

export function formatPercent(confidence: number | null): string {
  return confidence === null ? "" : `${Math.round(confidence * 100)} %`
}
