/** Rates of the map for a species and a period. */
import type { InsightMap } from "../api/types"

export interface PlaceRate {
  id: string
  name: string
  latitude: number | null
  longitude: number | null
  events: number
  nights: number
  /** Events per 100 camera-nights; null without camera-nights. */
  rate: number | null
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)

/** Empty `species` is all species, empty `step` is the whole period of the map. */
export function listRates(map: InsightMap, species: string, step: string): PlaceRate[] {
  const chosen = map.species.filter((one) => !species || one.name === species)
  const at = map.steps.indexOf(step)
  return map.places.map((place, index) => {
    const pick = (values: number[]) => (step ? (values[at] ?? 0) : sum(values))
    const isTotal = !species && !step
    const events = isTotal ? place.events : sum(chosen.map((one) => pick(one.events[index] ?? [])))
    const nights = isTotal ? place.nights : pick(map.nights[index] ?? [])
    return {
      id: place.deployment_id,
      name: place.name,
      latitude: place.latitude,
      longitude: place.longitude,
      events,
      nights,
      rate: nights > 0 ? (100 * events) / nights : null,
    }
  })
}
