/** English texts of findings. */

export const findingTexts = {
  noClass: "unnamed",
  types: {
    bounding_box: "Boxes",
    classification: "Whole picture",
    heatmap: "Heatmaps",
    segmentation: "Outlines",
    mask: "Masks",
    keypoint: "Key points",
    custom: "Data",
  } as Record<string, string>,
  odd: {
    box: "its corners are missing or the wrong way round.",
    format: "it is neither run lengths nor a polygon.",
    runs: "its run lengths are missing, empty, or do not fit their size.",
    polygon: "a polygon takes at least three points, each of two numbers.",
    points: "none of its key points has a place.",
    noFile: "its file is not in the store.",
    unreachable: "its file could not be loaded. Nothing was lost; try again.",
    notPicture: "its file is no picture that a browser can read.",
    tooLarge: "its file is too large for this browser.",
    emptyMask: "the mask is empty.",
  },
}
