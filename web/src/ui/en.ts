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
