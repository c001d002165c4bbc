/** Rates of the map for one species or all. */
import type { Deployment, InsightSummary, LocationPrecision } from "../api/types"
import { computeRadius, type MapCircle } from "../ui/map/circles"

/** Radius in pixels of the largest rate. */
const LARGEST = 22

export interface PlaceRate {
  id: string
  name: string
  latitude: number | null
  longitude: number | null
  precision: LocationPrecision
  events: number
  /** Events per 100 camera-nights; null without camera-nights. */
  rate: number | null
}

/** Empty `species` is all species. Positions are those that the user may see. */
export function listRates(
  summary: InsightSummary,
  deployments: Pick<Deployment, "id" | "latitude" | "longitude" | "location_precision">[],
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
        precision: place?.location_precision ?? "exact",
        events,
        rate: one.nights > 0 ? (100 * events) / one.nights : null,
      }
    })
}

/** Return a circle for each deployment with a position; its area is proportional to its rate. */
export function buildRateCircles(
  rates: PlaceRate[],
  format: (rate: number | null) => string,
): MapCircle[] {
  const most = Math.max(0, ...rates.map((one) => one.rate ?? 0))
  return rates.flatMap((one) =>
    one.latitude === null || one.longitude === null
      ? []
      : [
          {
            id: one.id,
            latitude: one.latitude,
            longitude: one.longitude,
            radius: computeRadius(one.rate ?? 0, most, LARGEST),
            label: `${one.name} ${format(one.rate)}`,
          },
        ],
  )
}
