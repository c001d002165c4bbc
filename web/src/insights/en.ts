import { formatCount, formatDecimal, formatPlural } from "../ui/en"

const SHOWN_NAMES = 5
/** The first names of a list, and how many others it has. */
const shortenList = (names: string[]) =>
  names.length > SHOWN_NAMES
    ? `${names.slice(0, SHOWN_NAMES).join(", ")} and ${formatCount(names.length - SHOWN_NAMES)} more`
    : names.join(", ")
const formatEvents = (count: number) => formatPlural(count, "event", "events")
const formatNights = (nights: number) =>
  formatPlural(Math.round(nights), "camera-night", "camera-nights")
const formatInterval = (low: string, high: string) => `95 % interval ${low} to ${high}`

export const insightTexts = {
  title: "Insights",
  parts: {
    overview: "Overview",
    activity: "Activity",
    species: "Species",
    effort: "Effort",
    map: "Map",
    quality: "Model quality",
    health: "Camera health",
  },
  from: "From",
  to: "To",
  deployment: "Deployment",
  allDeployments: "All deployments",
  species: "Species",
  allSpecies: "All species",
  interval: "Event interval",
  minutes: (count: number) =>
    count === 0
      ? "each observation"
      : count === 1440
        ? "24 h"
        : count >= 60
          ? `${formatDecimal(count / 60, 1)} h`
          : `${count} min`,
  clear: "Clear filters",
  events: formatEvents,
  speciesCount: (count: number) => formatPlural(count, "species", "species"),
  nights: formatNights,
  deployments: (count: number) => formatPlural(count, "deployment", "deployments"),
  totals: ["", " of ", " in ", " at ", "."] as [string, string, string, string, string],
  reviewed: (reviewed: number, images: number) =>
    `${formatCount(reviewed)} of ${formatPlural(images, "image is", "images are")} reviewed.`,
  definition: "Definitions with their sources: docs/reference/insights.md.",
  emptyTitle: "No events yet",
  empty:
    "Insights count observations of animals. Start a job or review images, then the first figures appear here.",
  emptyFiltered: "No observation matches these filters.",
  seeImages: "See images",
  review: "Review images",
  interval95: formatInterval,
  images: (count: number) => formatPlural(count, "image", "images"),
  /** Why the number of species is smaller than the number of names. */
  notSpecies: (names: string[]) => `Not counted as species: ${shortenList(names)}.`,
  /** Notes of the server by their code; a code without a text here is shown as the server wrote it. */
  notes: {
    no_observations: "No observation matches these filters.",
    no_effort: "Rates are missing, because no camera-nights are known.",
    few_deployments: "No interval: at least 10 deployments with events are needed.",
    few_events: "No curve: at least 10 events are needed.",
    estimated_effort:
      "The effort is estimated from the first to the last image where a deployment has no start or end.",
    outside_period:
      "Observations outside the period of their deployment do not count for the rate.",
    without_coordinates: "Deployments without a position are left out.",
    no_audit_sample: "No random sample has been reviewed yet.",
  } as Record<string, string>,
}

export const tableTexts = {
  title: "Events per 100 camera-nights",
  measure: "Values",
  measures: { rate: "Rate", events: "Events", individuals: "Individuals", images: "Images" },
  cameraNights: "Camera-nights",
  eventCount: "Events",
  rate: "Rate, 95 % interval",
  sites: "Sites",
  firstLast: "First and last date",
  cell: (species: string, deployment: string, value: string, measure: string) =>
    `${species}, ${deployment}: ${value} (${measure}). See images`,
  event: (interval: string) =>
    `Event: observations of one species at one deployment, less than ${interval} apart.`,
  eventEach: "Event: each observation of a species at a deployment.",
  noInterval: "No interval: at least 10 deployments with events are needed.",
  more: (count: number) => `${formatPlural(count, "more species", "more species")}`,
  estimated: "estimated from the first and last image",
}

export const activityTexts = {
  title: "Activity by hour",
  first: "Species",
  second: "Compare with",
  noSecond: "No comparison",
  hour: "Hour",
  density: (name: string) => `Density, ${name}`,
  count: (name: string) => `Events, ${name}`,
  tooFew: (name: string, events: number) =>
    `${name}: ${formatEvents(events)}. At least 10 are needed for a curve.`,
  chart: (names: string) => `Activity of ${names} by hour of the day`,
  time: "Time of day",
  clock: "Clock time",
  solar: "Solar time",
  overlap: (estimator: string, value: string) =>
    `Overlap ${estimator.replace("Dhat", "Δ")}: ${value}`,
  overlapInterval: (low: string, high: string, first: number, second: number) =>
    `(${formatInterval(low, high)}) from ${formatCount(first)} and ${formatEvents(second)}.`,
  method: "Kernel density, von Mises.",
  bandwidth: (name: string, value: string) => `Concentration of the kernel of ${name}: ${value}.`,
  bootstrap: (replicates: number, seed: number) =>
    `The interval is from ${formatCount(replicates)} bootstrap samples with seed ${seed}.`,
  clockHint: "Clock time in the zone of each deployment.",
  solarHint: "Solar time: sunrise is 6:00 and sunset is 18:00.",
  leftOut: (count: number) =>
    `${formatPlural(count, "deployment without a known position is", "deployments without a known position are")} left out.`,
}

export const richnessTexts = {
  title: "Accumulation of species",
  nights: "Camera-nights",
  observed: "Observed",
  expected: "Expected (Mao Tau)",
  low: "From (95 %)",
  high: "To (95 %)",
  chart: "Number of species by camera-nights",
  chao2: (value: string, observed: number) =>
    `Chao2 estimates ${value} species, ${formatCount(observed)} of them observed`,
}

export const trendTexts = {
  title: "Species over time",
  shown: "Values over time",
  count: "Number of species",
  rateOf: (name: string) => `Rate of ${name}`,
  step: "Length of a period",
  steps: { day: "Days", week: "Weeks", month: "Months", year: "Years" } as Record<string, string>,
  seen: "Species seen",
  added: "of these, for the first time",
  from: "From",
  nights: "Camera-nights",
  events: "Events",
  rate: "Events per 100 camera-nights",
  countChart: "Number of species in each period",
  rateChart: (name: string) => `Events of ${name} per 100 camera-nights in each period`,
  idle: "Grey periods have no camera-nights.",
}

export const effortTexts = {
  title: "Deployments over time",
  chart: "Period of each deployment, with gaps without images",
  deployment: "Deployment",
  start: "Start",
  end: "End",
  nights: "Camera-nights",
  images: "Images",
  gaps: "Days in gaps",
  state: "State",
  states: {
    active: "active",
    silent: "silent",
    finished: "finished",
    empty: "no images",
  } as Record<string, string>,
  table: "Effort",
  legend: { images: "deployed", gap: "gap" } as Record<string, string>,
  suggest: (day: string) => `Set end to ${day}`,
  suggestHint: "No image has arrived for three days after the last one. It can be the end.",
  ended: (name: string) => `End of ${name} set.`,
}

export const rateMapTexts = {
  title: "Map",
  species: "Species on the map",
  every: "All species",
  chart: (name: string) => `Map of the rate of ${name} at each deployment`,
  legend: "Circle area: events per 100 camera-nights. A hollow dot means zero.",
  deployment: "Deployment",
  latitude: "Latitude",
  longitude: "Longitude",
  rate: "Rate",
  events: "Events",
  noPlace: (count: number) =>
    `${formatPlural(count, "deployment is", "deployments are")} not on the map, because no position is known to you.`,
  choose: "Select a circle or a deployment of the list.",
  showList: "Show list",
  hideList: "Hide list",
  rateAt: (rate: string, events: number) =>
    `${rate} per 100 camera-nights, ${formatEvents(events)}.`,
  seeImages: "See images",
  noMap: "This browser cannot draw the map. The list is complete.",
  nonePlaced: "No deployment has a position. Set positions to see the map.",
}

export const qualityTexts = {
  title: "Model quality",
  model: "Model",
  none: "No result of a model has been reviewed yet. Review a random sample to know how good the models are here.",
  sample: (audited: number, biased: number) =>
    `${formatPlural(audited, "image of a random sample is", "images of random samples are")} reviewed. ${formatPlural(biased, "other review is", "other reviews are")} biased, because people chose the images.`,
  species: "Class",
  precision: "Precision",
  recall: "Recall",
  f1: "F1",
  checked: "Random images",
  reviewed: "Reviewed images",
  biased: "biased",
  nextStep: "Precision within ±5 %",
  known: "Known",
  needed: (count: number) => `${formatCount(count)} more reviews`,
  reviewMore: (count: number) => `Review ${formatCount(count)} more`,
  reviewMoreHint: (name: string) => `Random images of ${name}, to know its precision within ±5 %`,
  allClasses: (count: number) => `Show all ${formatCount(count)} classes`,
  newSample: (count: number) => `Review ${formatCount(count)} random images`,
  sampleName: "Random audit",
  classSampleName: (name: string) => `Random audit: ${name}`,
  continueSample: (name: string, done: number, images: number) =>
    `Continue random sample${name ? ` of ${name}` : ""} (${formatCount(done)} of ${formatCount(images)})`,
  basis: (random: boolean, images: number) =>
    random
      ? `From ${formatPlural(images, "image", "images")} of random samples.`
      : `From ${formatPlural(images, "reviewed image", "reviewed images")} that people chose: biased.`,
  reliability: "Reliability of confidence",
  reliabilityHint:
    "On the diagonal, a class with confidence 0.8 is correct in 80 % of cases. Below it, the model is overconfident.",
  reliabilityChart: "Share of correct classes by confidence of the model",
  confidence: "Confidence",
  correct: "Share correct",
  cases: "Classes",
  byDeployment: "Quality by deployment",
  deployment: "Deployment",
  threshold: "Threshold for a recall",
  recallWanted: "Recall",
  recallOf: (recall: string) => `Recall ${recall}`,
  suggestion: (threshold: string, recall: string, precision: string) =>
    `Threshold ${threshold}: recall ${recall}, precision ${precision}.`,
  current: (threshold: string) => `The current threshold is ${threshold}.`,
  noSuggestion:
    "No threshold reaches this recall, or fewer than 10 reviewed images show this class.",
  apply: (threshold: string) => `Apply ${threshold}`,
  applied: "Threshold applied. Observations are derived again.",
  comparison: "Two models on the same images",
  compareWith: "Compare with",
  bothCorrect: "Both correct",
  onlyCorrect: (name: string) => `Only ${name} correct`,
  noneCorrect: "None correct",
  noPairs: "No reviewed image was analysed by both models.",
  mcnemar: (p: string, differs: boolean) =>
    `McNemar's test: p = ${p}. ${differs ? "The models differ." : "No difference is proven."}`,
  unknown: "–",
}

export const healthTexts = {
  title: "Cameras by urgency of a visit",
  camera: "Deployment",
  urgency: "Urgency",
  problems: "Reasons",
  lastImage: "Last image",
  perDay: "Images per day",
  recent: (value: string) => `${value} in the last 7 days`,
  blanks: "Blanks",
  ok: "No problem known",
  none: "No deployment yet. Add one to see the state of its camera.",
  names: {
    no_images: "No images",
    silent: "Silent",
    clock_in_future: "Clock in the future",
    without_camera_time: "Images without camera time",
    mostly_blank: "Mostly blank",
    fewer_images: "Fewer images than before",
  } as Record<string, string>,
}
