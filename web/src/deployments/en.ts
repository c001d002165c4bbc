import { formatImages } from "../images/en"
import { formatCount, formatPlural } from "../ui/en"

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
  camera: "Camera",
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
  wrong: "This CSV file is invalid",
  taken: (made: number, changed: number, unchanged: number) =>
    `${formatCount(made)} added, ${formatCount(changed)} changed, ${formatCount(unchanged)} unchanged.`,
}
