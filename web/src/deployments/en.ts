/** English texts of deployments, their clocks and time zones. */
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
  add: "Add a deployment",
  noneTitle: "No deployment yet",
  none: "A deployment is one camera at one place over one period. Images belong to one.",
  name: "Name",
  nameHint: "As you call the place: “Kaltenbach ford”.",
  latitude: "Latitude",
  longitude: "Longitude",
  zone: "Time zone",
  clock: "Clock offset, seconds",
  clockHint: "Added to what the camera's clock said.",
  camera: "Camera",
  habitat: "Habitat",
  notes: "Notes",
  go: "Add the deployment",
  saved: (name: string) => `Deployment “${name}” is added.`,
  changed: (name: string) => `Deployment “${name}” is changed.`,
  edit: "Change the deployment",
  remove: "Delete",
  removeAsk: "Delete this deployment?",
  removed: "The deployment is deleted.",
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
      edited ? `${formatImages(edited)} edited by hand ${edited === 1 ? "stays" : "stay"}.` : "",
      without
        ? `${formatImages(without)} without a time of the camera ${without === 1 ? "stays" : "stay"}.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  undo: (seconds: number) => `Set back to ${formatCount(seconds)} s`,
  undoZone: (zone: string) => `Set back to ${zone}`,
  undone: "The clock is set back, and the capture times with it.",
  dating: (done: number, all: number) =>
    `Dating its images again: ${formatCount(done)} of ${formatCount(all)}.`,
  silent: "Silent",
  default: "Default",
  defaultHint: "Takes the images that belong to no other deployment.",
}

export const zoneTexts = {
  assumed: "No time zone is set. The times of this camera were read as UTC.",
  choose: "Set its time zone or its coordinates to correct them.",
  chooseBelow: "Enter its time zone, and keep “Date its images again” selected.",
  correct: (zone: string) => `Set ${zone} and correct all times`,
  setZone: "Set the time zone",
  keep: "The camera's clock is in UTC",
  corrected: (zone: string) => `Time zone set to ${zone}. The capture times are corrected.`,
  kept: "Time zone confirmed: UTC.",
  again: (count: number) => `Date its ${formatImages(count)} again in this time zone`,
  onlyNew: "Otherwise only new images are in this time zone.",
}

export const csvTexts = {
  save: "Save as CSV",
  take: "Read a CSV",
  wrong: "This sheet cannot be used",
  taken: (made: number, changed: number, unchanged: number) =>
    `${formatCount(made)} added, ${formatCount(changed)} changed, ${formatCount(unchanged)} as they were.`,
}
