const NUMBER = new Intl.NumberFormat("en")

export const formatCount = (count: number) => NUMBER.format(count)

export const formatPlural = (count: number, one: string, many: string) =>
  `${formatCount(count)} ${count === 1 ? one : many}`

export const formatEstimate = (text: string, isEstimate: boolean) =>
  isEstimate ? `about ${text}` : text

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

export const timeTexts = {
  locale: "en-GB",
  never: "never",
  now: "just now",
  soon: "in a moment",
  future: (span: string) => `in ${span}`,
  past: (span: string) => `${span} ago`,
  underOneSecond: "under 1 s",
  seconds: (count: number) => `${count} s`,
  minutes: (count: number) => `${count} min`,
  hours: (count: number | string) => `${count} h`,
  days: (count: number) => (count === 1 ? "1 day" : `${count} days`),
  months: (count: number) => `${count} months`,
  years: (count: number) => `${count} years`,
  bytes: (value: number | string, unit: number) =>
    `${value} ${["B", "kB", "MB", "GB", "TB"][unit]}`,
}
