/** The proposal of a unit, derived from its observations: taxa with counts, or blank. */
import type { Image, NewIdentification, Observation } from "../api/types"
import type { ReviewUnit } from "./units"

export interface ProposedTaxon {
  name: string
  /** The name in the language of the user. */
  common?: string | null
  taxon: string | null
  label: string
  /** The largest number of individuals in one image. */
  count: number
  /** The number of images that show it. */
  images: number
  /** The confidences of models, lowest and highest; null if a person decided. */
  confidence: [number, number] | null
  /** The known individuals, as people identified them. */
  individuals: string[]
}

export interface Proposal {
  /** "none": no image has a result yet. */
  state: "none" | "blank" | "taxa"
  /** In most images first. */
  taxa: ProposedTaxon[]
  /** The largest number of individuals in one image, whatever their names. */
  animals: number
  /** The images with a result about which no person decided. */
  open: string[]
  /** The boxes of models about which no person decided, in images with boxes that people named. */
  openBoxes: string[]
  /** Whether a person decided about one of the images. */
  isReviewed: boolean
  /** The boxes that are observations. */
  boxes: string[]
  /** Whether an observation is of a whole image. */
  hasWhole: boolean
}

/** A taxon that a reviewer assigns. */
export interface TaxonChoice {
  name: string
  taxon: string | null
  /** The name in the language of the user. */
  common?: string | null
}

/** Return the name that the user sees: the common name, or the scientific name or label. */
export const getShownName = ({ name, common }: { name: string; common?: string | null }): string =>
  common ?? name

export type DecisionBody = Pick<NewIdentification, "kind"> & Partial<NewIdentification>

const listOnce = (names: (string | null)[]): string[] => [
  ...new Set(names.filter((one) => typeof one === "string")),
]

/**
 * `decided` are the images and the boxes that the user decided about since the observations were
 * fetched.
 */
export function buildProposal(
  images: readonly Image[],
  observations: readonly Observation[],
  decided: ReadonlySet<string> = new Set(),
): Proposal {
  const byImage = new Map<string, Observation[]>()
  for (const one of observations)
    byImage.set(one.image_id, [...(byImage.get(one.image_id) ?? []), one])
  const taxa = new Map<string, ProposedTaxon>()
  const open: string[] = []
  const openBoxes: string[] = []
  let animals = 0
  for (const { id } of images) {
    const found = byImage.get(id) ?? []
    const isDecided = ({ source, annotation_id }: Observation) =>
      source === "human" || (annotation_id !== null && decided.has(annotation_id))
    if (found.length > 0 && !decided.has(id)) {
      if (!found.some(isDecided)) open.push(id)
      // A decision about the whole image covers its boxes.
      else if (found.every((one) => one.annotation_id !== null))
        openBoxes.push(...found.flatMap((one) => (isDecided(one) ? [] : (one.annotation_id ?? []))))
    }
    const counts = new Map<string, number>()
    for (const one of found) {
      if (one.kind === "blank") continue
      const name = one.name || one.label || ""
      counts.set(name, (counts.get(name) ?? 0) + (one.count ?? 1))
      const known = taxa.get(name)
      const score = one.confidence
      const low = Math.min(known?.confidence?.[0] ?? 1, score ?? 1)
      const high = Math.max(known?.confidence?.[1] ?? 0, score ?? 0)
      taxa.set(name, {
        name,
        taxon: one.taxon_id,
        label: one.label ?? name,
        count: known?.count ?? 0,
        images: known?.images ?? 0,
        confidence: score === null && !known?.confidence ? null : [low, high],
        individuals: listOnce([...(known?.individuals ?? []), one.individual_id]),
      })
    }
    animals = Math.max(
      animals,
      [...counts.values()].reduce((sum, count) => sum + count, 0),
    )
    for (const [name, count] of counts) {
      const one = taxa.get(name)
      if (!one) continue
      one.images += 1
      one.count = Math.max(one.count, count)
    }
  }
  return {
    state: taxa.size > 0 ? "taxa" : observations.length > 0 ? "blank" : "none",
    taxa: [...taxa.values()].sort((a, b) => b.images - a.images || b.count - a.count),
    animals,
    open,
    openBoxes,
    isReviewed: images.some(
      ({ id }) =>
        decided.has(id) ||
        byImage
          .get(id)
          ?.some((one) => one.source === "human" || decided.has(one.annotation_id ?? "")),
    ),
    boxes: observations.flatMap((one) => one.annotation_id ?? []),
    hasWhole: observations.some((one) => one.annotation_id === null && one.kind !== "blank"),
  }
}

/** The subject of a decision about all images of a unit. */
const getSubject = (unit: ReviewUnit, images: readonly Image[]) =>
  unit.sequence ? { sequences: [unit.sequence] } : { images: images.map(({ id }) => id) }

/**
 * Build the decision that accepts a proposal; null if there is nothing to accept.
 *
 * A decision of a person is not replaced by the result of a model. `count` is null unless the
 * reviewer changed it.
 */
export function buildAcceptance(
  unit: ReviewUnit,
  images: readonly Image[],
  proposal: Proposal,
  count: number | null,
): DecisionBody | null {
  const first = proposal.taxa[0]
  if (count !== null && first && proposal.taxa.length === 1)
    return buildAssignment(unit, images, proposal, first, count)
  const { open, openBoxes } = proposal
  if (open.length + openBoxes.length === 0) return null
  if (!proposal.isReviewed && unit.sequence) return { kind: "confirm", sequences: [unit.sequence] }
  return {
    kind: "confirm",
    images: open,
    ...(openBoxes.length > 0 ? { annotations: openBoxes } : {}),
  }
}

/** Build the decision that says the same as the acceptance of a proposal, whatever is current. */
export function buildStatement(
  unit: ReviewUnit,
  images: readonly Image[],
  proposal: Proposal,
): DecisionBody {
  const [first] = proposal.taxa
  if (!first) return buildWholeDecision("blank", unit, images)
  if (proposal.taxa.length === 1) return buildAssignment(unit, images, proposal, first, first.count)
  const taxa = proposal.taxa.map(({ taxon, label, count }) =>
    taxon ? { taxon, count } : { label, count },
  )
  return { kind: "correct", taxa, ...getSubject(unit, images) }
}

/** Build the decision that assigns a taxon to all images of a unit. */
export function buildAssignment(
  unit: ReviewUnit,
  images: readonly Image[],
  proposal: Proposal,
  choice: TaxonChoice,
  count: number | null,
): DecisionBody {
  const named = choice.taxon ? { taxon: choice.taxon } : { label: choice.name }
  const counted = count === null ? {} : { count }
  const { boxes, hasWhole } = proposal
  // A taxon of a single image would replace its boxes that have another name: name the boxes.
  if (!unit.sequence && boxes.length > 0 && !hasWhole && (count ?? boxes.length) === boxes.length)
    return { kind: "correct", ...named, annotations: boxes }
  // Without a box there is nothing to name: the images themselves get the taxon.
  const apply = unit.sequence && boxes.length === 0 ? { apply_to: "all" as const } : {}
  return { kind: "correct", ...named, ...counted, ...apply, ...getSubject(unit, images) }
}

export const buildWholeDecision = (
  kind: "blank" | "unsure" | "confirm",
  unit: ReviewUnit,
  images: readonly Image[],
): DecisionBody => ({ kind, ...getSubject(unit, images) })

/** Return the number of animals that a reviewer assigns a taxon to: most boxes in one image. */
export const countAnimals = ({ animals }: Proposal): number | null => animals || null
