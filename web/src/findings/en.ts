export const findingTexts = {
  noClass: "unnamed",
  types: {
    bounding_box: "Boxes",
    classification: "Whole image",
    heatmap: "Heatmaps",
    segmentation: "Outlines",
    mask: "Masks",
    keypoint: "Key points",
    custom: "Data",
  } as Record<string, string>,
  odd: {
    box: "its corners are missing or in the wrong order.",
    format: "its format is neither run lengths nor a polygon.",
    runs: "its run lengths are missing, empty, or do not fit their size.",
    polygon: "a polygon requires at least three points, each of two numbers.",
    points: "none of its key points has coordinates.",
    noFile: "its file is not in the store.",
    unreachable: "its file could not be loaded. Nothing was lost; try again.",
    notPicture: "its file is not an image that a browser can read.",
    tooLarge: "its file is too large for this browser.",
    emptyMask: "the mask is empty.",
  },
}
