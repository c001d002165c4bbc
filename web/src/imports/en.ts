/** The words of imports, loaded with their screens: a part of the English catalogue. */
import type { ImportFormat } from "../api/types"

const number = new Intl.NumberFormat("en")
const n = (count: number) => number.format(count)
const plural = (count: number, one: string, many: string) => `${n(count)} ${count === 1 ? one : many}`

const formats: Record<ImportFormat, [name: string, what: string]> = {
  megadetector: ["MegaDetector results", "The JSON file of MegaDetector, Timelapse or AddaxAI."],
  speciesnet: ["SpeciesNet predictions", "The JSON file that SpeciesNet writes, in its old and its new form."],
  coco: ["COCO", "A JSON file of COCO or COCO Camera Traps: boxes, outlines and key points."],
  "camtrap-dp": ["Camtrap DP", "A zip with deployments, media and observations, of machines and of people."],
}

export const importTexts = {
  title: "Imports", make: "New import", go: "Import",
  text: "Results that were made elsewhere, taken in from a file. The images must be here already: they are known by their paths or names.", onlyManagers: "Managers and owners of the project import.",
  noneTitle: "No import yet", none: "Were images analysed by another program? Take its file in, and see, review and export what it found.",
  formats, format: "Format", file: "The file", choose: "Choose a file", drop: "or drop it here", another: "Choose another",
  where: "Which images it is about", everywhere: "All images of the project", options: "Options", modelName: "Name of the model", modelVersion: "Its version", modelHint: "Where it is left empty, as the file says.",
  confidence: "Leave out what is less sure than", nothingIsBlank: "An image without annotations is empty", nothingIsBlankHint: "Otherwise it counts as not looked at.",
  sending: (part: string) => `Sending the file: ${part}`, stop: "Stop", noFile: "Choose a file first.",
  states: { queued: "Waits", reading: "Reading", completed: "Done", failed: "Failed", canceled: "Canceled" } as Record<string, string>,
  queued: "It begins as soon as the imports before it are done.", reading: (done: number, of: number | null) => (of === null ? "Looking through the file." : `${n(done)} of ${plural(of, "entry", "entries")} read.`), leave: "You can leave this page: it goes on by itself, and is listed under Imports.",
  progress: "How far it is", cancel: "Cancel", canceled: "The import is canceled. What was taken stays.", wasCanceled: "It was canceled. What was taken until then stays; the same file again goes on from there.",
  failed: "It could not be read to its end.", same: "The same file again stores nothing twice.",
  remove: "Delete", removeOne: (name: string) => `Delete the import of ${name}`, removeAsk: "Forget this import?", removeText: "It goes from this list with its faults. What was taken from the file stays.", removeGo: "Forget it", removed: "The import is forgotten. What was taken stays.",
  counts: "What became of it", stored: "Images with new results", annotations: "Findings", identifications: "Identifications by people", deployments: "Deployments", unchanged: "Were here already", modelFailures: "Images on which the model had failed", leftOut: "Passed over on purpose", unknown: "Name an image that is not here", ambiguous: "Fit several images", wrong: "Wrong in themselves",
  all: (stored: number) => `Everything was taken: ${plural(stored, "image has", "images have")} new results.`, some: (stored: number, faults: number) => `${plural(stored, "image has", "images have")} new results. ${plural(faults, "entry", "entries")} could not be taken; nothing else was affected.`,
  nothingNew: "Everything in this file was here already.",
  hint: {
    unknown: "Were these images uploaded, under the same names? Upload them, then import the same file again.",
    ambiguous: "Several images have these names. Import the file for one deployment, or upload with the folders that the file names.",
  },
  faults: "What could not be taken", kinds: { wrong: "wrong", unknown: "not here", ambiguous: "several fit" } as Record<string, string>, place: "Where", image: "Image", why: "Why", cut: (most: number) => `The first ${n(most)} are listed; all are counted.`, noFaults: "Everything was taken.",
  faultCount: (count: number) => plural(count, "fault", "faults"), done: (count: number) => plural(count, "image", "images"), seeImages: "See the images", about: "About it", of: "For", asked: "Sent", took: "Read in", size: "Size",
}
