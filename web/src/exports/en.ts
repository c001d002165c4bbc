/** English texts of exports. */
import { formatCount, formatPlural } from "../ui/en"
import type { ExportFormat } from "../api/types"


/** What a format is called, and what it is for. */
const formats: Record<ExportFormat, [name: string, forWhom: string]> = {
  "camtrap-dp": ["Camtrap DP", "To publish, at GBIF and elsewhere. Checked against the standard before it can be downloaded."],
  "darwin-core": ["Darwin Core", "Occurrences for GBIF and for museums: who was seen where and when."],
  megadetector: ["MegaDetector results", "For Timelapse, AddaxAI and the programs that read MegaDetector's file."],
  speciesnet: ["SpeciesNet predictions", "For programs that read SpeciesNet's file."],
  "coco-camera-traps": ["COCO Camera Traps", "For LILA and for machine learning with places and sequences."],
  coco: ["COCO", "To train and to measure models: boxes, outlines and key points."],
  yolo: ["YOLO", "To train YOLO: pictures with labels, split by deployment."],
  crops: ["Crops", "To train a classifier: what was found, cut out, a folder for each class."],
  csv: ["Table (CSV)", "For spreadsheets and statistics: a row for each observation."],
  parquet: ["Parquet", "The same table for R, Python and DuckDB, small and quick."],
  geoparquet: ["GeoParquet", "The same table with places, for QGIS and other maps."],
}

export const exportTexts = {
  title: "Exports", again: "Export again", make: "New export", go: "Export",
  text: "What a project holds as one file, as it was when it was asked for. Files are kept for some weeks.", onlyManagers: "Managers and owners of the project export.",
  noneTitle: "No export yet", none: "An export is one file of images' observations: to publish, to count, or to train with.", noneState: "No export is in this state.",
  formats,
  groups: { publish: "To publish", programs: "For other programs", tables: "For tables and maps", training: "To train models" } as Record<string, string>,
  which: "Which images", named: (count: number) => (count === 1 ? "The image that was selected" : `The ${formatCount(count)} images that were selected`), also: "Also only", choose: "Choose by filters instead",
  tooManyNamed: (most: number) => `These are more than ${formatCount(most)} images. Select fewer, or choose by filters.`,
  counting: "Counting the images…", notCounted: "The images could not be counted; the export counts them itself.", nothing: "No image fits: the file would be empty.",
  sum: (count: number, about: boolean) => `${about ? "About " : ""}${formatPlural(count, "image", "images")}, with what was found on them and what people said of it.`,
  options: "Options", confidence: "Leave out findings less sure than", confidenceHint: "What people said of a finding keeps it in.", withPictures: "Put the pictures themselves into the file", withPicturesHint: "Without, the file names them. With them it may be large.",
  lastOptions: (when: string) => `Fill in as on ${when}`,
  optionTitle: "Title", titlePlaceholder: "As it is to be published", description: "Description", descriptionHint: "What was studied, where, when and how.",
  dataLicence: "Licence of the data", mediaLicence: "Licence of the pictures", noLicence: "not said", licenceHint: "GBIF takes data only under one of these.",
  licences: { "CC0-1.0": "CC0: free for everybody", "CC-BY-4.0": "CC BY: whoever uses it names you", "CC-BY-NC-4.0": "CC BY-NC: named, and not for money" } as Record<string, string>,
  design: "How places were chosen", noDesign: "not said",
  designs: { simpleRandom: "At random", systematicRandom: "On a grid, from a random start", clusteredRandom: "At random, in clusters", experimental: "For an experiment", targeted: "Where animals were expected", opportunistic: "Where it was possible" } as Record<string, string>,
  contributors: "Who is to be named", contributorsHint: "GBIF asks for somebody who can be asked.", addContributor: "Add a person", who: "Name", role: "Role", organization: "Organisation", email: "E-mail", path: "Web page or ORCID", removeContributor: (name: string) => `Take ${name || "this person"} away`,
  roles: { contact: "Contact", principalInvestigator: "Principal investigator", rightsHolder: "Rights holder", publisher: "Publisher", contributor: "Contributor" } as Record<string, string>,

  states: { queued: "Waits", gathering: "Gathering", writing: "Writing", ready: "Ready", invalid: "Not valid", failed: "Failed", canceled: "Canceled", expired: "Expired" } as Record<string, string>,
  queued: "It begins as soon as the exports before it are done.", gathering: (done: number, of: number | null) => (of === null ? `${formatPlural(done, "image", "images")} gathered.` : `${formatCount(done)} of about ${formatPlural(Math.max(of, done), "image", "images")} gathered.`),
  writing: (images: number) => `${formatPlural(images, "image", "images")} are gathered. The file is being written and checked.`, leave: "You can leave this page: it goes on by itself, and is listed under Exports.",
  progress: "How far it is", download: "Download", downloadOne: (name: string) => `Download ${name}`, cancel: "Cancel", canceled: "The export is canceled.",
  invalid: (name: string) => `This is not valid as ${name} yet, so it cannot be downloaded. Put the following right, then export again.`, failed: "It could not be made.", wasCanceled: "It was canceled before it was done.", expired: "Its file was kept for some time, which is over. Export again to have it anew.",
  deletedSince: (count: number) => `${formatPlural(count, "image", "images")} in it ${count === 1 ? "was" : "were"} deleted since. The file still holds ${count === 1 ? "it" : "them"}: export again, and replace what you gave on.`,
  remove: "Delete", removeOne: (name: string) => `Delete the export ${name}`, removeAsk: "Delete this export?", removeText: "Its file goes from the server. What was downloaded stays where it is, and the project stays as it is.", removeGo: "Delete the export", removed: "The export is deleted.",
  problems: "What is wrong", fixed: "Set right by itself", fixedText: "Nothing is to be done about these; the project was not changed.", leftOut: "Left out", leftOutText: "The format cannot tell these, or lacks something for it.",
  times: (count: number) => `${formatCount(count)} times`, more: (count: number) => `and ${formatCount(count)} more`, showAll: "Show all",
  about: "About it", what: "Images", asked: "Asked for by", took: "Made in", holds: "Holds", file: "File", kept: "Kept until", checksum: "SHA-256", rows: (count: number) => formatPlural(count, "row", "rows"), findings: (count: number) => formatPlural(count, "finding", "findings"), images: (count: number) => formatPlural(count, "image", "images"),
  gone: "deleted deployment", everything: "All images of the project",
  chosen: {
    deployment: (name: string) => name, class: (name: string) => `showing ${name}`, taxon: "of one taxon", job: (id: number) => `of job ${id}`, from: (day: string) => `from ${day}`, to: (day: string) => `to ${day}`, sure: (part: string) => `surer than ${part}`,
    blank: "blank", notBlank: "not blank", reviewed: "reviewed", notReviewed: "not reviewed", tag: (tag: string) => `tagged ${tag}`, starred: "starred", notStarred: "not starred", sequence: "of one sequence", analysis: (state: string) => `analysis: ${state.toLowerCase()}`,
  },
}
