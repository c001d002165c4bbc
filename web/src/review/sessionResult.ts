/** The result of a review: decisions by kind, species with an image each, and the time it took. */
import type { Image } from "../api/types"

/** A species that a decision names; `image` shows it best. */
export interface DecidedSpecies {
  name: string
  /** As the user sees it. */
  shown: string
  image: Image
}

/** The part of a decision of this visit that its result is built from. */
export interface CountedStep {
  kind: string
  unit: { key: string }
  species: readonly DecidedSpecies[]
  /** The number of images of the unit. */
  images: number
  /** When it was decided, in milliseconds. */
  at: number
}

export interface SpeciesResult extends DecidedSpecies {
  /** The number of sequences or images that were decided to show it. */
  units: number
}

/** Longer pauses between two decisions are not part of the review. */
const MAX_PAUSE_MS = 2 * 60_000
/** The present rate is that of the last decisions. */
const COUNTED_STEPS = 60
const MIN_STEPS = 5

/** Whether a step decides about a unit: a remark or a drawn box does not. */
const isDecision = ({ kind }: CountedStep) => kind !== "comment" && kind !== "box"

/** Count the units of each species, the most frequent first. A later decision replaces earlier ones. */
export function listSpeciesResults(steps: readonly CountedStep[]): SpeciesResult[] {
  const units = new Map<string, Map<string, DecidedSpecies>>()
  for (const one of steps) {
    if (!isDecision(one)) continue
    units.set(one.unit.key, new Map(one.species.map((each) => [each.name, each])))
  }
  const results = new Map<string, SpeciesResult>()
  for (const species of units.values())
    for (const one of species.values()) {
      const known = results.get(one.name)
      if (!known) results.set(one.name, { ...one, units: 1 })
      else {
        known.units += 1
        if (one.image.starred && !known.image.starred) known.image = one.image
      }
    }
  return [...results.values()].sort((a, b) => b.units - a.units || a.shown.localeCompare(b.shown))
}

/** Sum the time between decisions without long pauses. */
export function sumActiveTime(steps: readonly CountedStep[]): number {
  let sum = 0
  for (const [at, one] of steps.entries()) {
    const pause = one.at - (steps[at - 1]?.at ?? one.at)
    if (pause <= MAX_PAUSE_MS) sum += pause
  }
  return sum
}

/** Count the images of the units that were decided; of a review set the units. */
export function countDecided(steps: readonly CountedStep[], isSet = false): number {
  const units = new Map(
    steps.filter(isDecision).map((one) => [one.unit.key, isSet ? 1 : one.images]),
  )
  return [...units.values()].reduce((sum, count) => sum + count, 0)
}

/**
 * Estimate how long the rest takes at the present rate, in minutes; null after few decisions. The
 * rest is counted in images, of a review set in units.
 */
export function estimateMinutesLeft(
  steps: readonly CountedStep[],
  left: number,
  isSet = false,
): number | null {
  const last = steps.filter(isDecision).slice(-COUNTED_STEPS)
  if (last.length < MIN_STEPS || left <= 0) return null
  const counted = countDecided(last.slice(1), isSet)
  const time = sumActiveTime(last)
  return counted > 0 && time > 0 ? Math.max(1, Math.round((time / counted / 60_000) * left)) : null
}
