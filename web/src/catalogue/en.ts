import { formatImages } from "../images/en"
import { formatCount } from "../ui/en"

export const timeTexts = {
  rail: "Move through time",
  withoutCameraTime: (images: string) =>
    `${images} without a camera time: they have the time of their file.`,
  blank: "Blank",
  anyBlank: "Blank or not",
  onlyBlank: "Nothing found",
  notBlank: "Something found",
  reviewed: "Reviewed",
  anyReviewed: "Reviewed or not",
  onlyReviewed: "Reviewed",
  notReviewed: "Not reviewed",
  perDay: "Images per day",
  perMonth: "Images per month",
  byHour: "Activity by hour of the day",
  hour: (hour: number, images: string) =>
    `${String(hour).padStart(2, "0")}:00 to ${String(hour).padStart(2, "0")}:59, ${images}`,
  day: (day: string, images: string, blank: string) => `${day}: ${images}, ${blank} of them blank`,
  behind: "New images are being counted.",
} as const

export const sequenceTexts = {
  title: "Sequences",
  intro: (gap: string) => `Images of one camera that are closer than ${gap} to each other.`,
  count: formatImages,
  more: (count: number) => `and ${formatCount(count)} more`,
  play: "Play",
  stop: "Stop",
  playing: (at: number, all: number) => `${at} of ${all}`,
  grid: "Show in the grid",
  run: "Run a pipeline",
  lasted: (span: string) => `over ${span}`,
  noneTitle: "No sequence yet",
  none: "Sequences are created automatically when images arrive.",
  older: "Show more",
  atLeast: "At least",
  any: "Any length",
  two: "2 images",
  five: "5 images",
  ten: "10 images",
}
