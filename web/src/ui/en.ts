import { createFormats } from "./formats"

export const { locale, formatCount, choosePlural, formatPlural, formatDecimal, formatInput } =
  createFormats("en-GB")

export const formatEstimate = (text: string, isEstimate: boolean) =>
  isEstimate ? `about ${text}` : text

/** Write a label inside a sentence. */
export const formatInSentence = (label: string) => label.toLowerCase()

export const uiTexts = {
  cancel: "Cancel",
  close: "Close",
  save: "Save",
  remove: "Delete",
  edit: "Edit",
  copy: "Copy",
  copied: "Copied",
  retry: "Try again",
  more: "Show more",
  loading: "Loading",
  all: "All",
  none: "None",
  never: "never",
  optional: "optional",
  any: "Any",
  unknown: "unknown",
  yes: "Yes",
  moreSettings: "More settings",
}

export const languageTexts = {
  title: "Language",
  /** The name of each language in that language. */
  names: { en: "English", de: "Deutsch" },
}

export const timeTexts = {
  never: "never",
  now: "just now",
  soon: "in a moment",
  future: (span: string) => `in ${span}`,
  past: (span: string) => `${span} ago`,
  underOneSecond: "under 1 s",
  seconds: (count: number) => `${count} s`,
  minutes: (count: number) => `${count} min`,
  hours: (count: number | string) => `${count} h`,
  days: (count: number) => formatPlural(count, "day", "days"),
  ageDays: (count: number) => formatPlural(count, "day", "days"),
  months: (count: number) => formatPlural(count, "month", "months"),
  years: (count: number) => formatPlural(count, "year", "years"),
  bytes: (value: number | string, unit: number) =>
    `${value} ${["B", "kB", "MB", "GB", "TB"][unit]}`,
}
