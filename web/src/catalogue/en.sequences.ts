/** The words of sequences, of cameras' clocks and of sheets of deployments, loaded with their screens: a part of the English catalogue. */

const number = new Intl.NumberFormat("en")
const images = (count: number) => `${number.format(count)} ${count === 1 ? "image" : "images"}`

export const sequenceTexts = {
  title: "Sequences", intro: (gap: string) => `Images of one camera that are closer than ${gap} to each other.`, count: images, more: (count: number) => `and ${number.format(count)} more`,
  play: "Play", stop: "Stop", playing: (at: number, all: number) => `${at} of ${all}`, grid: "Show in the grid", run: "Run a pipeline", lasted: (span: string) => `over ${span}`,
  noneTitle: "No sequence yet", none: "Sequences are made by themselves as images come in.", older: "Show more", atLeast: "At least", any: "Any length", two: "2 images", five: "5 images", ten: "10 images",
}

export const clockWords = {
  effect: (moved: number) => (moved === 0 ? "No capture time would change." : `The time of ${images(moved)} changes:`),
  stays: (edited: number, without: number) =>
    [edited ? `${images(edited)} edited by hand ${edited === 1 ? "stays" : "stay"}.` : "", without ? `${images(without)} without a time of the camera ${without === 1 ? "stays" : "stay"}.` : ""].filter(Boolean).join(" "),
  undo: (seconds: number) => `Set back to ${number.format(seconds)} s`, undoZone: (zone: string) => `Set back to ${zone}`, undone: "The clock is set back, and the capture times with it.",
  dating: (done: number, all: number) => `Dating its images again: ${number.format(done)} of ${number.format(all)}.`, silent: "Silent", silentSince: "No image since", default: "Default", defaultHint: "Takes the images that belong to no other deployment.",
}

export const zoneWords = {
  assumed: "No time zone is set. The times of this camera were read as UTC.",
  choose: "Set its time zone or its coordinates to correct them.", chooseBelow: "Enter its time zone, and keep “Date its images again” selected.",
  correct: (zone: string) => `Set ${zone} and correct all times`, setZone: "Set the time zone", keep: "The camera's clock is in UTC",
  corrected: (zone: string) => `Time zone set to ${zone}. The capture times are corrected.`, kept: "Time zone confirmed: UTC.",
  again: (count: number) => `Date its ${images(count)} again in this time zone`,
  onlyNew: "Otherwise only new images are in this time zone.",
}

export const sheetWords = {
  save: "Save as CSV", take: "Read a CSV", wrong: "This sheet cannot be used",
  taken: (made: number, changed: number, unchanged: number) => `${number.format(made)} added, ${number.format(changed)} changed, ${number.format(unchanged)} as they were.`,
}
