/** English texts of the viewer. */
import { formatCount } from "../ui/en"

export const viewerTexts = {
  previous: "Previous image",
  next: "Next image",
  back: "Back to the images",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Fit",
  boxes: "Findings on the picture",
  confidence: "Confidence",
  classes: "Classes",
  analyses: "Analyses",
  found: "Found",
  info: "Information",
  exif: "EXIF",
  hidden: (count: number) =>
    count === 1
      ? "1 more is below the slider or switched off."
      : `${formatCount(count)} more are below the slider or switched off.`,
  nothing: "This analysis found nothing.",
  notAnalysed: "No model has looked at this image yet.",
  download: "Download the original",
  captured: "Taken",
  from: "Came from",
  file: "File",
  size: "Size",
  added: "Added",
  checksum: "SHA-256",
  deployment: "Deployment",
  capturedFrom: {
    exif: "read from EXIF",
    filename: "read from the file's name",
    modified_time: "the file's modified time",
    received_time: "the time it was received",
  } as Record<string, string>,
  fromUpload: "uploaded by hand",
  fromSource: "pulled from a source",
  clockOffset: (seconds: number) =>
    `${seconds > 0 ? "+" : "−"}${formatCount(Math.abs(seconds))} s added to the camera's clock`,
  noExif: "The file carries no EXIF.",
  picture: "The picture",
  showInfo: "Show information",
  hideInfo: "Hide information",
  raw: "as written",
  cannotShow: "The picture could not be loaded. The file is safe; try again, or download it.",
  truncated: "The file ends before its image does. The missing rows are grey.",
  flags: "Flags",
  megapixels: (value: string) => `${value} MP`,
  all: "Show all",
  type: {
    bounding_box: "box",
    classification: "whole picture",
    heatmap: "heatmap",
    segmentation: "outline",
    mask: "mask",
    keypoint: "key points",
    custom: "data",
  } as Record<string, string>,
  kinds: "Kinds of findings",
  opacity: "Opacity",
  colourMap: "Colours",
  colourMaps: {
    viridis: "Viridis",
    magma: "Magma",
    turbo: "Turbo",
    jet: "Jet",
    grey: "Grey",
  } as Record<string, string>,
  heatmapOf: (name: string | null) => (name ? `Heatmap of ${name}` : "Heatmap"),
  coming: "is being loaded",
  notLoaded: "not loaded",
  asGiven: "As it was sent",
  cannotDraw: (why: string) => `Not drawn: ${why}`,
  restComing: (count: number) =>
    count === 1 ? "1 more is on its way." : `${formatCount(count)} more are on their way.`,
  listCut: (count: number) =>
    `${formatCount(count)} more are on the picture but not in this list. Move the slider to see fewer.`,
  filesFailed: (count: number) =>
    count === 1
      ? "1 file could not be loaded."
      : `${formatCount(count)} files could not be loaded.`,
  outside: "outside job",
  stale: "Nothing was heard of its pipeline for a long time: the last was at",
  staleTodo: "It may have stopped; what it sent so far is shown.",
  madeBy: "How it was made",
  parameters: "Parameters",
  provenance: "Provenance",
  besideTwo: "Compare side by side",
  besideOne: "Beside the bare picture",
  oneAgain: "One picture again",
  sides: { left: "Left", right: "Right" },
  onlyPicture: "only the picture",
  analysisName: (model: string, version: string, job: number | null, isSimulated: boolean) =>
    `${model} ${version}${job === null ? "" : `, job ${job}`}${isSimulated ? ", simulated" : ""}`,
  simulated: "Simulated",
  simulatedNote: "The results are invented. Exports, filters and counts leave them out.",
  changed: "What changed",
  nothingChanged: "Nothing changed among what is shown.",
  onlyLeft: (name: string, count: number) =>
    `${name}${count > 1 ? ` (${formatCount(count)})` : ""}: only on the left`,
  onlyRight: (name: string, count: number) =>
    `${name}${count > 1 ? ` (${formatCount(count)})` : ""}: only on the right`,
  renamed: (left: string, right: string) => `${left} → ${right}, in the same place`,
  surer: (name: string, left: string, right: string) =>
    `${name}: ${left || "no confidence"} → ${right || "no confidence"}`,
  lost: (name: string, confidence: string) =>
    `${[name, confidence].filter(Boolean).join(" ")}: this one is only on the left`,
  gained: (name: string, confidence: string) =>
    `${[name, confidence].filter(Boolean).join(" ")}: this one is only on the right`,
}
