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
    "A zip with deployments, media and observations, by models and by people.",
  ],
}

export const importTexts = {
  title: "Imports",
  newImport: "New import",
  go: "Import",
  text: "Results of other programs, imported from a file. The images must already be in the project: they are matched by path or name.",
  onlyManagers: "Managers and owners of the project import.",
  noneTitle: "No import yet",
  none: "Import the results of another program to view, review and export them.",
  formats,
  format: "Format",
  file: "The file",
  choose: "Choose a file",
  drop: "or drop it here",
  another: "Choose another file",
  selection: "Images",
  everywhere: "All images of the project",
  options: "Options",
  modelName: "Name of the model",
  modelVersion: "Version of the model",
  modelHint: "If empty, the value of the file is used.",
  confidence: "Minimum confidence",
  nothingIsBlank: "Treat images without annotations as blank",
  nothingIsBlankHint: "Otherwise they count as not analysed.",
  sending: (part: string) => `Sending the file: ${part}`,
  stop: "Stop",
  noFile: "Choose a file first.",
  states: {
    queued: "Queued",
    reading: "Reading",
    completed: "Done",
    failed: "Failed",
    canceled: "Canceled",
  } as Record<string, string>,
  queued: "It starts when the imports before it are finished.",
  reading: (done: number, of: number | null) =>
    of === null
      ? "Scanning the file."
      : `${formatCount(done)} of ${formatPlural(of, "entry", "entries")} read.`,
  leave: "You can leave this page: the import continues, and is listed under Imports.",
  progress: "Progress",
  cancel: "Cancel",
  canceled: "Import canceled. Imported results are kept.",
  wasCanceled:
    "The import was canceled. Results imported until then are kept; import the same file again to continue.",
  failed: "The file could not be read completely.",
  same: "Importing the same file again stores nothing twice.",
  remove: "Delete",
  removeOne: (name: string) => `Delete the import of ${name}`,
  removeAsk: "Delete this import?",
  removeText: "The import and its list of problems are deleted. Imported results are kept.",
  removeGo: "Delete import",
  removed: "Import deleted. Imported results are kept.",
  counts: "Result",
  stored: "Images with new results",
  annotations: "Findings",
  identifications: "Identifications by people",
  deployments: "Deployments",
  unchanged: "Already imported",
  modelFailures: "Images on which the model had failed",
  leftOut: "Skipped",
  unknown: "Image not found",
  ambiguous: "Several images match",
  invalid: "Invalid",
  all: (stored: number) =>
    `Import completed: ${formatPlural(stored, "image has", "images have")} new results.`,
  some: (stored: number, faults: number) =>
    `${formatPlural(stored, "image has", "images have")} new results. ${formatPlural(faults, "problem is", "problems are")} listed below; everything else was imported.`,
  nothingNew: "Everything in this file was already imported.",
  hint: {
    unknown:
      "Were these images uploaded, under the same names? Upload them, then import the same file again.",
    ambiguous:
      "Several images have these names. Import the file for one deployment, or upload with the folders that the file names.",
  },
  faults: "Problems",
  kinds: { wrong: "invalid", unknown: "not found", ambiguous: "several match" } as Record<
    string,
    string
  >,
  place: "Position",
  image: "Image",
  why: "Why",
  cut: (most: number) => `The first ${formatCount(most)} are listed; all are counted.`,
  seeImages: "See the images",
  about: "Details",
  of: "For",
  asked: "Requested",
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
