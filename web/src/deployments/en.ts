import type { LocationPrecision } from "../api/types"
import { formatImages } from "../images/en"
import { formatCount, formatPlural } from "../ui/en"
import type { FeatureType, SetupFieldName } from "./setupFieldList"

export const deploymentFormTexts = {
  zoneHint: "The zone of the camera's clock.",
  zoneFound: (here: string) => `Empty: the zone of the coordinates; without coordinates ${here}.`,
  uncertainty: "Coordinate uncertainty, metres",
  started: "Start",
  ended: "End",
  inZone: (zone: string) => `Time in ${zone}.`,
  badUncertainty: "A number of metres, 0 or more.",
  missing: (given: string) => `Missing: enter it as well, or clear the ${given.toLowerCase()}.`,
  reversed: "The end is before the start.",
  badTime: "A date with a year of four digits, and a time.",
}

export const formatDeployments = (count: number) => formatPlural(count, "deployment", "deployments")

export const deploymentTexts = {
  title: "Deployments",
  add: "Add deployment",
  noneTitle: "No deployment yet",
  none: "A deployment is one camera at one place over one period. Images belong to one.",
  name: "Name",
  nameHint: "The name of the location, such as “Kaltenbach ford”.",
  latitude: "Latitude",
  longitude: "Longitude",
  zone: "Time zone",
  clock: "Clock offset, seconds",
  clockHint: "Added to the time of the camera's clock.",
  camera: "Camera ID",
  habitat: "Habitat",
  notes: "Notes",
  go: "Add deployment",
  saved: (name: string) => `Deployment “${name}” added.`,
  changed: (name: string) => `Deployment “${name}” saved.`,
  edit: "Edit deployment",
  remove: "Delete",
  removeAsk: "Delete this deployment?",
  removed: "Deployment deleted.",
  removeText: "Only a deployment without images can be deleted.",
  badNumber: "A number in degrees, such as 48.1372.",
  north: "−90 to 90",
  east: "−180 to 180",
  seeImages: "See its images",
  newDeployment: "New deployment…",
}

const badges: Record<Exclude<LocationPrecision, "exact">, string> = {
  "0.01": "rounded to 0.01°",
  "0.1": "rounded to 0.1°",
  withheld: "location withheld",
}

export const locationTexts = {
  badges,
  reason: "A sensitive taxon occurs here. Your role does not see the exact location.",
  restricted: (count: number) =>
    `${formatDeployments(count)} with a sensitive taxon: the location is rounded or withheld for your role, and the name is replaced.`,
  seeRules: "Show the rules",
  formNote:
    "A sensitive taxon occurs at this deployment. Your role does not see its exact location, so the disabled fields are withheld. An owner of the project can change them.",
  withheld: "withheld",
  coordinates: (latitude: string, longitude: string) => `${latitude}, ${longitude}`,
}

export const clockTexts = {
  effect: (moved: number) =>
    moved === 0 ? "No capture time would change." : `The time of ${formatImages(moved)} changes:`,
  stays: (edited: number, without: number) =>
    [
      edited
        ? `${formatImages(edited)} edited manually ${edited === 1 ? "does" : "do"} not change.`
        : "",
      without
        ? `${formatImages(without)} without a camera time ${without === 1 ? "does" : "do"} not change.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  undo: (seconds: number) => `Restore ${formatCount(seconds)} s`,
  undoZone: (zone: string) => `Restore ${zone}`,
  undone: "Clock offset and capture times restored.",
  dating: (done: number, all: number) =>
    `Updating capture times: ${formatCount(done)} of ${formatCount(all)}.`,
  silent: "Silent",
  default: "Default",
  defaultHint: "Contains the images that belong to no other deployment.",
}

export const zoneTexts = {
  assumed: "No time zone is set. The times of this camera were read as UTC.",
  choose: "Set its time zone or its coordinates to correct them.",
  chooseZone: "Set its time zone to correct them.",
  chooseBelow: "Enter its time zone, and keep “Update capture times” selected.",
  correct: (zone: string) => `Set ${zone} and correct all times`,
  setZone: "Set the time zone",
  keep: "The camera's clock is in UTC",
  corrected: (zone: string) => `Time zone set to ${zone}. The capture times are corrected.`,
  kept: "Time zone confirmed: UTC.",
  again: (count: number) => `Update capture times of ${formatImages(count)} to this time zone`,
  onlyNew: "Otherwise only new images are in this time zone.",
}

export const csvTexts = {
  save: "Export CSV",
  take: "Import CSV",
  wrong: "The CSV file was not imported",
  taken: (made: number, changed: number, unchanged: number) =>
    `${formatCount(made)} added, ${formatCount(changed)} changed, ${formatCount(unchanged)} unchanged.`,
}

export const setupLabels: Record<SetupFieldName, string> = {
  camera_model: "Camera model",
  camera_delay_s: "Camera delay, seconds",
  camera_height_m: "Camera height, metres",
  camera_depth_m: "Camera depth, metres",
  camera_tilt_deg: "Camera tilt, degrees",
  camera_heading_deg: "Camera heading, degrees",
  detection_distance_m: "Detection distance, metres",
  timestamp_issues: "Timestamp issues",
  bait_use: "Bait",
  feature_type: "Feature",
  setup_by: "Set up by",
  pickup_by: "Picked up by",
  groups: "Groups",
  tags: "Tags",
  inactive_periods: "Inactive periods",
}

const rejections: Partial<Record<SetupFieldName, string>> = {
  camera_delay_s: "A whole number of seconds, 0 or more.",
  camera_tilt_deg: "A whole number from −90 (down) to 90 (up).",
  camera_heading_deg: "A whole number from 0 to 360, clockwise from north.",
  inactive_periods:
    "Each line: start/end and a reason, with days such as 2026-05-01. The end is not before the start; the reason has no |.",
}

export const setupTexts = {
  unknown: "Unknown",
  no: "No",
  listHint: "Separate several with |.",
  periodsHint: (zone: string) =>
    `One per line in ${zone}, such as 2026-05-01T18:00/2026-05-03T09:00 camera stolen.`,
  bad: (name: SetupFieldName) => rejections[name] ?? "A number, 0 or more.",
  heightAndDepth: "A camera has a height or a depth, not both.",
}

export const featureTexts: Record<FeatureType, string> = {
  roadPaved: "Paved road",
  roadDirt: "Dirt road",
  trailHiking: "Hiking trail",
  trailGame: "Game trail",
  roadUnderpass: "Road underpass",
  roadOverpass: "Road overpass",
  roadBridge: "Road bridge",
  culvert: "Culvert",
  burrow: "Burrow",
  nestSite: "Nest site",
  carcass: "Carcass",
  waterSource: "Water source",
  fruitingTree: "Fruiting tree",
}
