/** English texts of imports. */

import type { ImportFormat } from "../api/types"
import { formatCount, formatPlural } from "../ui/en"

const formats: Record<ImportFormat, [name: string, what: string]> = {
  megadetector: ["MegaDetector results", "The JSON file of MegaDetector, Timelapse or AddaxAI."],
  speciesnet: [
    "SpeciesNet predictions",
    "The JSON file that SpeciesNet writes, in its old and its new form.",
  ],
  coco: ["COCO", "A JSON file of COCO or COCO Camera Traps: boxes, outlines and key points."],
  "camtrap-dp": [
    "Camtrap DP",
    "A zip with deployments, media and observations, of machines and of people.",
  ],
}

export const importTexts = {
  title: "Imports",
  make: "New import",
  go: "Import",
  text: "Results that were made elsewhere, taken in from a file. The images must be here already: they are known by their paths or names.",
  onlyManagers: "Managers and owners of the project import.",
  noneTitle: "No import yet",
  none: "Were images analysed by another program? Take its file in, and see, review and export what it found.",
  formats,
  format: "Format",
  file: "The file",
  choose: "Choose a file",
  drop: "or drop it here",
  another: "Choose another",
  where: "Which images it is about",
  everywhere: "All images of the project",
  options: "Options",
  modelName: "Name of the model",
  modelVersion: "Its version",
  modelHint: "Where it is left empty, as the file says.",
  confidence: "Leave out what is less sure than",
  nothingIsBlank: "An image without annotations is empty",
  nothingIsBlankHint: "Otherwise it counts as not looked at.",
  sending: (part: string) => `Sending the file: ${part}`,
  stop: "Stop",
  noFile: "Choose a file first.",
  states: {
    queued: "Waits",
    reading: "Reading",
    completed: "Done",
    failed: "Failed",
    canceled: "Canceled",
  } as Record<string, string>,
  queued: "It begins as soon as the imports before it are done.",
  reading: (done: number, of: number | null) =>
    of === null
      ? "Looking through the file."
      : `${formatCount(done)} of ${formatPlural(of, "entry", "entries")} read.`,
  leave: "You can leave this page: it goes on by itself, and is listed under Imports.",
  progress: "How far it is",
  cancel: "Cancel",
  canceled: "The import is canceled. What was taken stays.",
  wasCanceled:
    "It was canceled. What was taken until then stays; the same file again goes on from there.",
  failed: "It could not be read to its end.",
  same: "The same file again stores nothing twice.",
  remove: "Delete",
  removeOne: (name: string) => `Delete the import of ${name}`,
  removeAsk: "Forget this import?",
  removeText: "It goes from this list with its faults. What was taken from the file stays.",
  removeGo: "Forget it",
  removed: "The import is forgotten. What was taken stays.",
  counts: "What became of it",
  stored: "Images with new results",
  annotations: "Findings",
  identifications: "Identifications by people",
  deployments: "Deployments",
  unchanged: "Were here already",
  modelFailures: "Images on which the model had failed",
  leftOut: "Passed over on purpose",
  unknown: "Name an image that is not here",
  ambiguous: "Fit several images",
  wrong: "Wrong in themselves",
  all: (stored: number) =>
    `Everything was taken: ${formatPlural(stored, "image has", "images have")} new results.`,
  some: (stored: number, faults: number) =>
    `${formatPlural(stored, "image has", "images have")} new results. ${formatPlural(faults, "entry", "entries")} could not be taken; nothing else was affected.`,
  nothingNew: "Everything in this file was here already.",
  hint: {
    unknown:
      "Were these images uploaded, under the same names? Upload them, then import the same file again.",
    ambiguous:
      "Several images have these names. Import the file for one deployment, or upload with the folders that the file names.",
  },
  faults: "What could not be taken",
  kinds: { wrong: "wrong", unknown: "not here", ambiguous: "several fit" } as Record<
    string,
    string
  >,
  place: "Where",
  image: "Image",
  why: "Why",
  cut: (most: number) => `The first ${formatCount(most)} are listed; all are counted.`,
  seeImages: "See the images",
  about: "About it",
  of: "For",
  asked: "Sent",
  took: "Read in",
  size: "Size",
}

export const importFolderTexts = {
  title: "Folders without a match",
  text: "Entries in these folders match no image, or several. Assign each folder to its deployment; the file is then read again, and stored results stay.",
  tooLate:
    "Entries in these folders match no image, or several. Managers and owners can assign them to deployments for 7 days.",
  cut: "Only the first 10,000 faults were searched for folders.",
  notCompared:
    "There are too many folders and deployments to compare all names: some nearest names are missing.",
  none: "Not assigned",
  nearest: "Nearest names",
  others: "Other deployments",
  go: "Assign and read again",
  entries: (count: number) => `${formatCount(count)} ${count === 1 ? "entry" : "entries"}`,
}

export const exchangeTexts = {
  exports: "Exports",
  imports: "Imports",
  deletedDeployment: "deleted deployment",
  checksum: "SHA-256",
}
