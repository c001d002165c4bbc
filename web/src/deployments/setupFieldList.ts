/**
 * The fields of a deployment that the form shows as one list, with the limits of the API.
 *
 * A new field of the API is an error of the compiler here and in the labels. A test compares kinds
 * and limits with openapi.json.
 */
import type { NewDeployment } from "../api/types"

type OwnField =
  | "project"
  | "name"
  | "latitude"
  | "longitude"
  | "coordinate_uncertainty_m"
  | "time_zone"
  | "clock_offset_s"
  | "camera"
  | "habitat"
  | "notes"
  | "started_at"
  | "ended_at"

export type SetupFieldName = Exclude<keyof NewDeployment, OwnField>
export type FeatureType = NonNullable<NewDeployment["feature_type"]>

export interface SetupField {
  kind: "text" | "number" | "integer" | "flag" | "choice" | "list" | "periods"
  minimum?: number
  maximum?: number
}

export const SETUP_FIELDS: Record<SetupFieldName, SetupField> = {
  camera_model: { kind: "text" },
  camera_delay_s: { kind: "integer", minimum: 0, maximum: 2 ** 31 - 1 },
  camera_height_m: { kind: "number", minimum: 0 },
  camera_depth_m: { kind: "number", minimum: 0 },
  camera_tilt_deg: { kind: "integer", minimum: -90, maximum: 90 },
  camera_heading_deg: { kind: "integer", minimum: 0, maximum: 360 },
  detection_distance_m: { kind: "number", minimum: 0 },
  timestamp_issues: { kind: "flag" },
  bait_use: { kind: "flag" },
  feature_type: { kind: "choice" },
  setup_by: { kind: "text" },
  pickup_by: { kind: "text" },
  groups: { kind: "list" },
  tags: { kind: "list" },
  inactive_periods: { kind: "periods" },
}

export const SETUP_NAMES = Object.keys(SETUP_FIELDS) as SetupFieldName[]
