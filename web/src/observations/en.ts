import { formatImages } from "../images/en"
import { formatCount } from "../ui/en"

export const observationSettingsTexts = {
  title: "Observations",
  text: "An observation is the current answer to what an image shows. Models propose, and people decide. These settings apply to all images of the project.",
  onlyManagers: "Managers and owners change these settings.",
  everything:
    "Every finding of a model counts in this project, however low its confidence. New projects count detections from 20 % and classifications from 50 %.",
  recommend: "Preview 20 % and 50 %",
  thresholds: "Thresholds",
  detection: "Detection threshold, %",
  detectionHint: "A box with a lower confidence is not an observation.",
  classification: "Classification threshold, %",
  classificationHint: "A name with a lower confidence is not used; the detector's name applies.",
  review: "Review threshold, %",
  reviewHint: "Observations of models with a lower confidence need review.",
  classes: "Thresholds of single classes",
  classesHint: "They replace the detection threshold for one label of a model.",
  noClasses: "No class has its own threshold.",
  className: "Class",
  classPercent: "Threshold, %",
  classPercentOf: (label: string) => `Threshold of ${label || "the new class"}, %`,
  addClass: "Add class",
  removeClass: (label: string) => `Remove ${label || "the new class"}`,
  repeated: (label: string) => `“${label}” has two thresholds. Remove one of them.`,
  combines: "Combine the findings of one image",
  combinesHint:
    "Overlapping boxes of several pipelines are one observation, and a name of the whole image applies to its only animal.",
  pipelines: "Pipelines",
  pipelinesText:
    "The pipeline with the highest priority names what several pipelines found. A pipeline that looks for neither animals, people nor vehicles does not count.",
  noPipelines: "No pipeline has analysed an image yet. Each is listed here after its first result.",
  priority: "Priority",
  pipeline: "Pipeline",
  looksFor: "Looks for",
  use: "Use",
  choiceOf: (name: string) => `Use of ${name}`,
  kinds: {
    animal: "animals",
    human: "people",
    vehicle: "vehicles",
    other: "something else",
  } as Record<string, string>,
  otherTasks: (tasks: string) => `something else: ${tasks}`,
  notDeclared: "not declared",
  uses: {
    automatic: "Automatic",
    counts: "Counts",
    ignored: "Does not count",
    replaced: "Replaced",
  },
  replacedBy: (name: string) => `Replaced by ${name}`,
  counts: "counts",
  countsNot: "does not count",
  up: (name: string) => `Move ${name} up`,
  down: (name: string) => `Move ${name} down`,
  moved: (name: string, place: number) => `${name} now has priority ${place}.`,
  blankLabels: "Labels for blank images",
  blankHint: "Separate them with commas. “blank” and “empty” always mean blank.",
  blankExample: "vide, leer, none",
  rule: "Identification that counts",
  rules: {
    latest: "The latest",
    expert: "Expert first",
    agreement: "Agreement",
  },
  ruleHints: {
    latest: "The most recent identification counts.",
    expert: "An identification of an owner or manager has priority over those of reviewers.",
    agreement:
      "Several reviewers must give the same taxon. Until then, the observation of the model is shown and needs review.",
  },
  agreement: "Reviewers that must agree",
  preview: "Preview",
  save: "Save and apply",
  discard: "Discard changes",
  saved: "Settings saved. They are being applied.",
  applied: "The new settings are applied.",
  unchanged: "Nothing was changed.",
  applying: (done: string, all: string) => `New settings are being applied: ${done} of ${all}.`,
  applyingText: "Until then, lists show the observations of the earlier settings.",
  previewTitle: "Preview",
  previewHint:
    "Preview the effect on the newest images before you save. A preview changes nothing.",
  outdated: "The settings were edited after this preview.",
  noImages: "This project has no images yet. The settings apply to its first results.",
  sample: (images: number) =>
    images === 1 ? "Effect on the newest image" : `Effect on the newest ${formatImages(images)}`,
  changed: (images: number) =>
    images === 0
      ? "No image would show something else."
      : `${formatImages(images)} would show something else.`,
  needsReview: (images: number) => `${formatImages(images)} would need review.`,
  class: "Class",
  before: "Now",
  after: "Then",
  difference: "Change",
  gain: (count: number) =>
    count > 0 ? `+${formatCount(count)}` : count < 0 ? `−${formatCount(-count)}` : "0",
  sameClasses: (count: number) =>
    count === 1
      ? "1 other class stays the same."
      : `${formatCount(count)} other classes stay the same.`,
  blank: "Blank",
  unnamed: "Without a name",
} as const
