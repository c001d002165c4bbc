/** Words of the grid by time and of the charts over it. */

export const timeTexts = {
  rail: "Move through time",
  withoutCameraTime: (images: string) => `${images} without a camera time: they have the time of their file.`,
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
  hour: (hour: number, images: string) => `${String(hour).padStart(2, "0")}:00 to ${String(hour).padStart(2, "0")}:59, ${images}`,
  day: (day: string, images: string, blank: string) => `${day}: ${images}, ${blank} of them blank`,
  behind: "What came in just now is being counted.",
} as const
