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

export const viewTexts = {
  title: "Saved views",
  all: "All",
  by: (name: string, person: string) => `${name}, saved by ${person}`,
  save: "Save view",
  saveTitle: "Save these filters as a view",
  edit: "Edit view",
  name: "Name",
  hint: "All members of the project see the view.",
  remove: "Delete view",
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
    hours: "Hour of day",
    disagreement: "Disagreement",
    comparison: "Compared",
    commented: "Commented",
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
  mostConfidence: "Maximum confidence, %",
  atMost: (percent: string) => `at most ${percent} %`,
  percents: (least: string, most: string) => `${least}–${most} %`,
  hour: (hour: number) => `${String(hour).padStart(2, "0")}:00`,
  hours: (from: number, to: number) =>
    `${String(from).padStart(2, "0")}:00–${String(to).padStart(2, "0")}:00`,
  hoursHint: "Local time of the deployment. 22:00 to 04:00 is the night.",
  commented: { true: "With a comment", false: "Without a comment" } as Record<string, string>,
  disagreements: {
    any: "Any, still open",
    models: "Between models",
    model_people: "Between models and people",
    people: "Between people",
  } as Record<string, string>,
  people: "people",
  person: "a person",
  answer: (source: string, answer: string) => (answer ? `${source}: ${answer}` : source),
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

export const selectionTexts = {
  bar: "Selected images",
  accept: "Accept",
  accepted: "accepted",
  allOf: (images: string) => `All ${images} images of the filter`,
  selectAll: (images: string) => `Select all ${images}`,
  sequence: "Select the whole sequence",
  day: "Select the whole day",
  deployment: (name: string) => `Select all images of ${name}`,
  palette: "Frequent species",
  confirmTitle: "Identify many images",
  confirm: (images: number, what: string) => `${formatImages(images)}: ${what}.`,
  reviewed: (images: number) =>
    `${formatImages(images)} of them are reviewed. The new identification applies instead.`,
  go: (images: number) => `Identify ${formatImages(images)}`,
  cancel: "Cancel",
  undo: "Undo",
  running: (done: string, images: string) => `${done} of ${images} images identified`,
  withdrawing: (done: string, images: string) => `${done} of ${images} withdrawn`,
  done: (images: number, what: string) => `${formatImages(images)}: ${what}.`,
  undone: (images: number) => `Identification of ${formatImages(images)} withdrawn.`,
  stopped: "The identification stopped.",
  skipped: (images: number, reason: string) =>
    `${formatImages(images)} skipped: ${
      {
        deleted: "deleted",
        decided: "identified by another user meanwhile",
        nothing_to_confirm: "nothing to accept",
        changed: "new results of models meanwhile",
      }[reason] ?? reason
    }.`,
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
