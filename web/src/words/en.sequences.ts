/** The words of sequences, of cameras' clocks and of sheets of deployments, loaded with their screens: a part of the English catalogue. */

const number = new Intl.NumberFormat("en")
const images = (count: number) => `${number.format(count)} ${count === 1 ? "image" : "images"}`

export const sequenceWords = {
  title: "Sequences", intro: (gap: string) => `Images of one camera that are closer than ${gap} to each other.`, count: images, more: (count: number) => `and ${number.format(count)} more`,
  play: "Play", stop: "Stop", playing: (at: number, all: number) => `${at} of ${all}`, grid: "Show in the grid", run: "Run a pipeline", lasted: (span: string) => `over ${span}`,
  noneTitle: "No sequence yet", none: "Sequences are made by themselves as images come in.", older: "Show more", atLeast: "At least", any: "Any length", two: "2 images", five: "5 images", ten: "10 images",
}

export const clockWords = {
  effect: (moved: number) => (moved === 0 ? "No capture time would change." : `The time of ${images(moved)} changes:`),
  stays: (edited: number, without: number) =>
    [edited ? `${images(edited)} edited by hand ${edited === 1 ? "stays" : "stay"}.` : "", without ? `${images(without)} without a time of the camera ${without === 1 ? "stays" : "stay"}.` : ""].filter(Boolean).join(" "),
  undo: (seconds: number) => `Set back to ${number.format(seconds)} s`, undone: "The clock is set back, and the capture times with it.",
  dating: "Its images are being dated anew.", silent: "Silent", silentSince: "No image since", default: "Default", defaultHint: "Takes the images that belong to no other deployment.",
}

export const sheetWords = {
  save: "Save as CSV", take: "Read a CSV", wrong: "This sheet cannot be used",
  taken: (made: number, changed: number, unchanged: number) => `${number.format(made)} added, ${number.format(changed)} changed, ${number.format(unchanged)} as they were.`,
}
