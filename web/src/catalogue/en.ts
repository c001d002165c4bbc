import { formatImages } from "../images/en"
import { formatCount } from "../ui/en"

export const timeTexts = {
  rail: "Move through time",
  withoutCameraTime: (images: string) =>
    `${images} without a camera time: they have the time of their file.`,
  perDay: "Images per day",
  perMonth: "Images per month",
  byHour: "Activity by hour of the day",
  hour: (hour: number, images: string) =>
    `${String(hour).padStart(2, "0")}:00 to ${String(hour).padStart(2, "0")}:59, ${images}`,
  day: (day: string, images: string, blank: string) => `${day}: ${images}, ${blank} of them blank`,
  behind: "New images are being counted.",
} as const

export const gridTexts = {
  countOf: (count: string, all: string) => `${count} of ${all}`,
  more: "More actions",
  order: "Order",
  orders: { "": "Newest first", captured_at: "Oldest first" } as Record<string, string>,
} as const

export const filterTexts = {
  add: "Filter",
  menu: "Add a filter",
  search: "Search filters",
  searchIn: (name: string) => `Search: ${name}`,
  chips: "Filters that are set",
  remove: (name: string, value: string) => `Remove filter ${name}${value ? `: ${value}` : ""}`,
  back: "All filters",
  apply: "Apply",
  chosen: "selected",
  loading: "Loading",
  noOption: "No match",
  typedOption: (text: string) => `Use “${text}”`,
  observed: "Observed in this project",
  withLowerTaxa: "With all lower taxa",
  groups: { observation: "Observation", review: "Review", place: "Place and time" },
  names: {
    class: "Species",
    taxon: "Taxon",
    kind: "Kind",
    blank: "Blank",
    count_min: "Count",
    individual: "Individual",
    confidence: "Confidence",
    model_class: "Model class",
    reviewed: "Review state",
    needs_review: "Needs review",
    identified_by: "Identified by",
    source: "Source",
    starred: "Star",
    tag: "Tag",
    deployment: "Deployment",
    date: "Date",
    analysis_state: "Analysis",
    deleted: "Deleted",
    sequence: "Sequence",
  },
  blank: { true: "Nothing found", false: "Something found" } as Record<string, string>,
  reviewed: { true: "Reviewed", false: "Not reviewed" } as Record<string, string>,
  starred: { true: "With a star", false: "Without a star" } as Record<string, string>,
  unknownDeployment: "deleted deployment",
  from: "From",
  to: "To",
  days: (from: string, to: string) => `${from} – ${to}`,
  fromDay: (day: string) => `from ${day}`,
  toDay: (day: string) => `until ${day}`,
  leastConfidence: "Minimum confidence, %",
  atLeast: (percent: string) => `at least ${percent} %`,
  leastCount: "Minimum count",
  countAtLeast: (count: string) => `at least ${count}`,
} as const

export const observationFilterTexts = {
  unknownTaxon: "deleted taxon",
  kinds: {
    animal: "Animals",
    human: "People",
    vehicle: "Vehicles",
    blank: "Blank",
    unknown: "Unknown",
    unclassified: "Unclassified",
  } as Record<string, string>,
  reviews: { true: "Yes", false: "No" } as Record<"true" | "false", string> &
    Record<string, string>,
  sources: { human: "People", model: "Models" } as Record<string, string>,
  formerMember: "a former member",
  individualImages: (names: string, images: string) => `${names} (${images})`,
  oneSequence: "one",
}

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
