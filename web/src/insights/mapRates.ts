/** Rates of the map for one species or all. */
import type { Deployment, InsightSummary } from "../api/types"

export interface PlaceRate {
  id: string
  name: string
  latitude: number | null
  longitude: number | null
  events: number
  /** Events per 100 camera-nights; null without camera-nights. */
  rate: number | null
}

/** Empty `species` is all species. Positions are those that the user may see. */
export function listRates(
  summary: InsightSummary,
  deployments: Pick<Deployment, "id" | "latitude" | "longitude">[],
  species: string,
): PlaceRate[] {
  const places = new Map(deployments.map((one) => [one.id, one]))
  const cells = summary.species.find((one) => one.name === species)?.cells ?? []
  return summary.deployments
    .filter((one) => one.nights > 0 || one.events > 0)
    .map((one) => {
      const place = places.get(one.deployment_id)
      const cell = cells.find((other) => other.deployment_id === one.deployment_id)
      const events = species ? (cell?.events ?? 0) : one.events
      return {
        id: one.deployment_id,
        name: one.name,
        latitude: place?.latitude ?? null,
        longitude: place?.longitude ?? null,
        events,
        rate: one.nights > 0 ? (100 * events) / one.nights : null,
      }
    })
}
