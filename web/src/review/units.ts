/** The units of a review: sequences or single images, in the order of a filtered list of images. */
import type { Image } from "../api/types"
import type { UnitData } from "./reviewQueries"

export type UnitKind = "sequence" | "image"

export interface ReviewUnit {
  /** The ID of the sequence or of the image. */
  key: string
  /** Null for a single image. */
  sequence: string | null
  /** The first image of the list that belongs to the unit. */
  first: Image
  /** The item of a review set, with what the set shows: other people's decisions are left out. */
  ofSet?: { position: number; shown: UnitData }
}

export const parseUnitKind = (text: string | null): UnitKind =>
  text === "image" ? "image" : "sequence"

/**
 * Group a list of images into units, each at the place of its first image.
 *
 * Images of several cameras can alternate in time, so the images of a sequence are not always
 * next to each other.
 */
export function groupUnits(images: readonly Image[], kind: UnitKind): ReviewUnit[] {
  const units = new Map<string, ReviewUnit>()
  for (const image of images) {
    const sequence = kind === "sequence" ? (image.sequence_id ?? null) : null
    const key = sequence ?? image.id
    if (!units.has(key)) units.set(key, { key, sequence, first: image })
  }
  return [...units.values()]
}
