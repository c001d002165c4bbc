/** Locations that are rounded or withheld for the user's role, because of a sensitive taxon. */
import type { Deployment, LocationPrecision } from "../api/types"
import { formatDecimal } from "../ui/en"
import type { DeploymentFormValues } from "./deploymentValues"
import { locationTexts as t } from "./en"

const DECIMALS: Record<LocationPrecision, number> = {
  exact: 4,
  "0.01": 2,
  "0.1": 1,
  withheld: 0,
}

/** Whether each field of the form is shown and can be changed if the location is not exact. */
export const SHOWN_FIELDS: Record<keyof DeploymentFormValues, boolean> = {
  name: false,
  latitude: false,
  longitude: false,
  coordinate_uncertainty_m: false,
  time_zone: true,
  started_at: true,
  ended_at: true,
  clock_offset_s: true,
  camera: false,
  habitat: false,
  notes: false,
  camera_model: false,
  camera_delay_s: true,
  camera_height_m: true,
  camera_depth_m: true,
  camera_tilt_deg: true,
  camera_heading_deg: false,
  detection_distance_m: true,
  timestamp_issues: true,
  bait_use: true,
  feature_type: false,
  setup_by: false,
  pickup_by: false,
  groups: false,
  tags: false,
  inactive_periods: false,
}

type Located = Pick<Deployment, "latitude" | "longitude" | "location_precision">

export const isExact = (one: Pick<Deployment, "location_precision">) =>
  one.location_precision === "exact"
export const isWithheld = (one: Pick<Deployment, "location_precision">) =>
  one.location_precision === "withheld"
export const isPlaced = (one: Located) => one.latitude !== null && one.longitude !== null

/** Format the coordinates with the decimals that the precision leaves; null without a location. */
export function formatCoordinates({
  latitude,
  longitude,
  location_precision: precision,
}: Located): string | null {
  if (latitude === null || longitude === null) return null
  const digits = DECIMALS[precision]
  return t.coordinates(formatDecimal(latitude, digits), formatDecimal(longitude, digits))
}
