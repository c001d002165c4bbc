import { formatCount } from "../ui/en"

export const observationTexts = {
  title: "Observations",
  none: "No analysis of this image is completed yet, and no one has identified it.",
  blank: "Blank",
  unnamed: "Without a name",
  wholeImage: "whole image",
  by: (name: string) => `by ${name}`,
  person: "a user",
  model: "a model",
  label: (label: string) => `label: ${label}`,
  needsReview: "Needs review",
  showModels: "Show model output",
  modelsHint: "All findings of the selected analyses, with the names that the models gave.",
  notObserved: (count: number) =>
    count === 1
      ? "1 finding of a model is not an observation."
      : `${formatCount(count)} findings of models are not observations.`,
}

export const viewerTexts = {
  previous: "Previous image",
  next: "Next image",
  back: "Back to the images",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Fit",
  boxes: "Findings on the image",
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
  nothing: "This analysis has no findings.",
  notAnalysed: "This image has not been analysed yet.",
  download: "Download the original",
  captured: "Taken",
  from: "Source",
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
  fromUpload: "uploaded manually",
  fromSource: "pulled from a source",
  clockOffset: (seconds: number) =>
    `${seconds > 0 ? "+" : "−"}${formatCount(Math.abs(seconds))} s added to the camera's clock`,
  noExif: "The file has no EXIF.",
  restricted:
    "File name, folders and most EXIF are withheld for your role: a sensitive taxon occurs here.",
  exifWithheld: "The EXIF is withheld for your role.",
  picture: "Image",
  showInfo: "Show information",
  hideInfo: "Hide information",
  raw: "as written",
  cannotShow:
    "The image could not be loaded. The stored file is not affected; try again, or download it.",
  tilesComing: "The image is being loaded in full size.",
  tilesFailed: "Parts of the image could not be loaded in full size.",
  tilesRetry: "Try again",
  truncated: "The file is truncated. The missing rows are grey.",
  flags: "Flags",
  megapixels: (value: string) => `${value} MP`,
  all: "Show all",
  type: {
    bounding_box: "box",
    classification: "whole image",
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
  coming: "loading",
  notLoaded: "not loaded",
  asGiven: "Original data",
  cannotDraw: (why: string) => `Not drawn: ${why}`,
  restComing: (count: number) =>
    count === 1 ? "1 more is being loaded." : `${formatCount(count)} more are being loaded.`,
  listCut: (count: number) =>
    `${formatCount(count)} more are on the image but not in this list. Move the slider to see fewer.`,
  filesFailed: (count: number) =>
    count === 1
      ? "1 file could not be loaded."
      : `${formatCount(count)} files could not be loaded.`,
  outside: "external analysis",
  stale: "Its pipeline has not sent an update since",
  staleTodo: "It may have stopped. Its results so far are shown.",
  madeBy: "Details of the analysis",
  parameters: "Parameters",
  provenance: "Provenance",
  compareAnalyses: "Compare side by side",
  compareWithOriginal: "Compare with original",
  oneAgain: "Single view",
  sides: { left: "Left", right: "Right" },
  onlyPicture: "original image",
  analysisName: (model: string, version: string, job: number | null, isSimulated: boolean) =>
    `${model} ${version}${job === null ? "" : `, job ${job}`}${isSimulated ? ", simulated" : ""}`,
  simulated: "Simulated",
  simulatedNote: "The results are generated. Exports, filters and counts exclude them.",
  changed: "Changes",
  nothingChanged: "No changes among the findings shown.",
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

const pixels = (width: number, height: number, x: number, y: number) =>
  `${formatCount(width)} by ${formatCount(height)} pixels at ${formatCount(x)}, ${formatCount(y)}`

export const drawingTexts = {
  drawShape: { box: "Draw a box", point: "Draw a point", polygon: "Draw a polygon" },
  adjust: "Change the selected box",
  remove: "Delete the selected box",
  saveShape: { box: "Save box", point: "Save point", polygon: "Save polygon" },
  cancel: "Cancel",
  drawHint: {
    box: "Drag over the animal, or use arrow keys",
    point: "Click the place, or use arrow keys",
    polygon: "Click each corner; double-click or Enter closes",
  },
  changeHint: {
    box: "Drag, or use arrow keys",
    point: "Drag, or use arrow keys",
    polygon: "Drag corners, or select them with Space",
  },
  started: {
    box: "Box in the middle of the view. Arrow keys move it, Shift and arrow keys resize it, Enter saves it, Escape cancels.",
    point: "Point in the middle of the view. Arrow keys move it, Enter saves it, Escape cancels.",
    polygon:
      "Cursor in the middle of the view. Arrow keys move it, Space adds a corner, Backspace removes the last one, Enter closes the polygon, Escape cancels.",
  },
  at: (x: number, y: number) => `At ${formatCount(x)}, ${formatCount(y)}`,
  corner: (number: number, x: number, y: number) =>
    `Corner ${number} at ${formatCount(x)}, ${formatCount(y)}`,
  cornerRemoved: (left: number) =>
    left === 1 ? "Corner removed, 1 left." : `Corner removed, ${formatCount(left)} left.`,
  tooFewCorners: "A polygon has at least 3 corners.",
  tooManyCorners: (most: number) => `A polygon has at most ${formatCount(most)} corners.`,
  crossed: "Edges of the polygon touch or cross each other. Move or remove a corner.",
  tooSmall: "The polygon is too small: at least 2 by 2 pixels.",
  pointSaved: (name: string, x: number, y: number) =>
    `Point of ${name} saved at ${formatCount(x)}, ${formatCount(y)}.`,
  polygonSaved: (name: string, corners: number) =>
    `Polygon of ${name} saved with ${formatCount(corners)} corners.`,
  position: (width: number, height: number, x: number, y: number) => pixels(width, height, x, y),
  cancelled: "Box not saved.",
  saved: (name: string, width: number, height: number, x: number, y: number) =>
    `Box of ${name} saved, ${pixels(width, height, x, y)}.`,
  deleted: (name: string) => `Box of ${name} deleted.`,
  selected: (name: string, number: number, total: number) => `Box ${number} of ${total}: ${name}.`,
  notYours: "This box belongs to another user. Managers can change it.",
  magnifier: "Magnifier",
  hide: "Hide boxes while held",
}
