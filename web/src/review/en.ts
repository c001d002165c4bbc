import { formatCount, formatPlural } from "../ui/en"

export const reviewTexts = {
  title: "Review",
  of: "Target",
  wholeImage: "the whole image",
  chooseHint: "Select a box to identify only that animal.",
  does: {
    confirm: "Confirm",
    correct: "Correct",
    blank: "Blank",
    unsure: "Unsure",
    comment: "Comment",
  },
  undo: "Undo",
  nothingToUndo: "Nothing to undo.",
  nothingToRedo: "Nothing to redo.",
  redone: (what: string, filename: string) => `Done again: ${what}, ${filename}.`,
  noResult: "No analysis of this image is completed yet: identify it yourself.",
  said: {
    confirm: (what: string) => `Confirmed: ${what}.`,
    correct: (what: string) => `Corrected: ${what}.`,
    blank: (what: string) => `Blank: ${what}.`,
    unsure: (what: string) => `Unsure: ${what}.`,
    comment: () => "Comment saved.",
  },
  withdrawn: "Withdrawn. The previous identification applies again.",
  isIt: "What is it?",
  isItHint: "Select from the list, or type a name",
  inOwnWords: (name: string) => `Use “${name}” as typed`,
  synonymOf: (name: string) => `synonym of ${name}`,
  more: "Count, sex, life stage, behaviour",
  count: "Count",
  sex: "Sex",
  lifeStage: "Life stage",
  behaviour: "Behaviour",
  notSpecified: "Not specified",
  sexes: { female: "Female", male: "Male" },
  lifeStages: { adult: "Adult", subadult: "Subadult", juvenile: "Juvenile" },
  comment: "Comment",
  save: "Save",
  cancel: "Cancel",
  history: "Identifications",
  kinds: {
    confirm: "confirmed",
    correct: "corrected",
    blank: "blank",
    unsure: "unsure",
    comment: "comment",
  } as Record<string, string>,
  ofImage: "whole image",
  ofOther: "a hidden finding",
  gone: "withdrawn",
  withdraw: "Withdraw",
  more100: "The newest hundred are shown.",
  holds: (kind: string, label: string | null | undefined) =>
    kind === "correct"
      ? `→ ${label ?? ""}`
      : ((
          { confirm: "✓ confirmed", blank: "∅ blank", unsure: "? unsure" } as Record<string, string>
        )[kind] ?? kind),
  times: (count: number) => `× ${count}`,
}

const decisions = (count: number) => formatPlural(count, "decision", "decisions")

export const outboxTexts = {
  title: "Decisions not stored yet",
  waiting: (count: number) => `${formatCount(count)} waiting`,
  refused: (count: number) => `${formatCount(count)} refused`,
  label: (waiting: number, refused: number) =>
    [
      waiting ? `${decisions(waiting)} waiting to be sent` : "",
      refused ? `${decisions(refused)} refused` : "",
    ]
      .filter(Boolean)
      .join(", "),
  kept: "They are stored in this browser and are sent in order, also after a reload or a new sign-in.",
  sending: (count: number) => `${decisions(count)} being sent.`,
  unreachable: (count: number) => `The server does not respond. ${decisions(count)} waiting.`,
  busy: (count: number, status: number) =>
    `The server could not store the oldest decision (${status}). ${decisions(count)} waiting.`,
  offline:
    "The server does not respond. Decisions are stored in this browser and are sent when it responds again.",
  failed:
    "The server could not store a decision now. Decisions are stored in this browser and are sent again.",
  now: "Send now",
  refusedTitle: "Refused",
  refusedHint:
    "These are not stored. Open the image and decide again, send the decision again, or discard it.",
  refusedToast: (what: string, filename: string, why: string) =>
    `Not stored: ${what}, ${filename}. ${why} It is kept under “refused”.`.replace("  ", " "),
  noReason: (status: number) => `The server refused it (${status}).`,
  expired:
    "It was made more than 30 days ago and was not sent. The server may have it already. Look at the image, then send it again or discard it.",
  newer: (by: string, what: string, at: string) =>
    `${by} decided about this image after you saw it: ${what}, ${at}. That decision is kept. Send yours again to replace it, or discard it.`,
  added: (count: number) =>
    [
      `${formatPlural(count, "image was", "images were")} added to this sequence after you saw it.`,
      "Nothing is stored. Open the sequence, then send this decision again or discard it.",
    ].join(" "),
  waitingTitle: "Waiting",
  more: (count: number) => `and ${formatCount(count)} more`,
  sendAgain: "Send again",
  discard: "Discard",
  does: {
    confirm: "Confirm",
    correct: "Correct to",
    blank: "Blank",
    unsure: "Unsure",
    comment: "Comment",
  } as Record<string, string>,
  stated: {
    confirm: "Accepted the proposal",
    blank: "Blank",
    unsure: "Unsure",
  } as Record<string, string>,
  conflictTitle: (by: string, place: string) => `${by} reviewed ${place} before you`,
  conflictVersions: (by: string, theirs: string, mine: string) => `${by}: ${theirs}. You: ${mine}.`,
  keepMine: "Keep mine",
  keepTheirs: (by: string) => `Keep ${by}'s`,
  changedTitle: (place: string) => `${place} changed after you saw it`,
  current: "Now",
  nothing: "nothing",
  keepNew: "Keep the new result",
  show: "Show",
  goneTitle: (place: string) => `${place} was deleted`,
  goneVersions: (mine: string) =>
    `The image is in the trash or was deleted. You: ${mine}. An owner can restore it; then send your decision again.`,
  refusedTitleOf: (place: string) => `Not stored: ${place}`,
  moreConflicts: (count: number) =>
    `${formatPlural(count, "more decision", "more decisions")} to check`,
  revokedTitle: "You can no longer review this project",
  revokedText: (count: number) =>
    `${formatPlural(count, "decision was", "decisions were")} not saved.`,
  download: "Download them",
  discardAll: "Discard them",
  stoppedTitle: "Review has stopped",
  goOn: "Continue",
  withdraw: "Withdraw",
  boxes: { create: "Draw a box", update: "Change a box", delete: "Delete a box" },
  notYet: "waiting to be sent",
  later: (said: string) => `${said} Waiting to be sent.`,
  tookBack: (what: string, filename: string) => `Undone: ${what}, ${filename}.`,
  full: "This decision was not stored: this browser holds as many unsent decisions as it can. Send them or discard some first.",
  noStorage:
    "This decision was not stored: the browser refuses to store data for this site. Allow it, or leave private browsing, then decide again.",
  atSignIn: (count: number) =>
    `${decisions(count)} ${count === 1 ? "waits" : "wait"} in this browser. Each is sent when the person who made it signs in again, and never for another person.`,
  notLoaded:
    "This image is not loaded because the server does not respond. It is shown when the server responds again.",
  noImage: "No decision was recorded: the image is not loaded yet.",
  nothingToConfirm:
    "Nothing was recorded: no analysis of this image is completed, so there is nothing to confirm.",
}

export const boxConflictTexts = {
  changed: (by: string) => `${by} changed this box after you saw it.`,
  withdrawn: (by: string) => `${by} deleted this box after you saw it.`,
  someone: "Another user",
  mine: "Your box",
  theirs: "The stored box",
  deleted: "deleted",
  box: (label: string, width: number, height: number, x: number, y: number) =>
    `${label}, ${width} × ${height} pixels at ${x}, ${y}`,
  point: (label: string, x: number, y: number) => `${label}, point at ${x}, ${y}`,
  polygon: (box: string, corners: number) =>
    `${box}, polygon with ${formatPlural(corners, "corner", "corners")}`,
  keepMine: "Keep mine",
  keepTheirs: (by: string) => `Keep the box of ${by}`,
  keepDeleted: "Keep it deleted",
}

const images = (count: number) => formatPlural(count, "image", "images")

export const reviewScreenTexts = {
  title: "Review",
  back: "Back to Images",
  set: "Set",
  setName: (isUnreviewed: boolean, filters: number) =>
    [isUnreviewed ? "Not reviewed" : "All images", filters ? `${filters} more filters` : ""]
      .filter(Boolean)
      .join(", ")
      .replace("1 more filters", "1 more filter"),
  order: "Order",
  orders: {
    "-captured_at": "Newest first",
    captured_at: "Oldest first",
    least_certain: "Least certain first",
    models_disagree: "Models disagree first",
    people_disagree: "People disagree first",
    random: "Random sample",
  } as Record<string, string>,
  unit: "Unit",
  units: { sequence: "Sequences", image: "Single images" } as Record<string, string>,
  progress: (done: number, total: string) => `${formatCount(done)} of ${total} images`,
  today: (images: number) => `${formatCount(images)} today`,
  left: (minutes: number) =>
    minutes < 100
      ? `${formatCount(minutes)} min left`
      : `${formatCount(Math.round(minutes / 60))} h left`,
  reviewed: "Reviewed",
  saved: "Saved",
  showKeys: "Show all keys",
  needsReviewer: "You can see images, but not review them.",
  needsReviewerHint: "Ask an owner of the project for the reviewer role.",
  emptyTitle: "No images match this filter",
  emptyText: "All images may be reviewed already, or the filter is too narrow.",
  showAll: "Review all images",
  toImages: "Back to Images",
  sequenceOf: (count: number) => (count === 1 ? "Single image" : `Sequence of ${images(count)}`),
  singleImage: "Single image",
  stage: "Image",
  strip: "Images of the sequence",
  next: "Next",
  decision: "Decision",
  offset: (seconds: number) =>
    seconds === 0
      ? "0 s"
      : seconds < 100
        ? `+${formatCount(Math.round(seconds))} s`
        : `+${formatCount(Math.round(seconds / 60))} min`,
  frame: (number: number, total: number) => `Image ${number} of ${total}`,
  blankProposal: "Blank",
  nothingYet: "No result yet",
  nothingYetHint: "No analysis of these images is completed. Assign a species, or go to the next.",
  inImages: (found: number, total: number) =>
    total === 1 ? "" : `in ${formatCount(found)} of ${images(total)}`,
  noBoxes: (total: number) => (total === 1 ? "Nothing found" : `Nothing found in ${images(total)}`),
  byPerson: "decided by a person",
  accept: (what: string) => `Accept ${what}`,
  acceptBox: (number: number) => `Accept box ${number}`,
  keep: "Keep and go to next",
  announce: (unit: string, time: string, accept: string) => `${unit}, ${time}. ${accept}.`,
  skip: "Go to next",
  times: (name: string, count: number | null) => (count === null ? name : `${name} × ${count}`),
  blank: "Blank",
  unsure: "Unsure",
  change: "Change species",
  assign: "Assign and go to next",
  assignBox: "Assign to this box",
  proposed: "proposed",
  editPalette: "Edit palette",
  editPaletteHint:
    "Pin a species to a key to keep it there for all reviewers. Other keys have the most frequent species.",
  speciesOfKey: (key: number) => `Species of key ${key}`,
  changeKey: (key: number, name: string | null) => `Key ${key}: ${name ?? "free"}. Change species`,
  freeKey: "Free",
  mostFrequent: "most frequent",
  pin: (name: string) => `Pin ${name}`,
  unpin: (name: string) => `Unpin ${name}`,
  paletteSaved: "Palette saved.",
  individual: "Individual",
  individualOf: (species: string) => `Individual: ${species}`,
  individualHint: "Name of the individual",
  individualText: (species: string, name: string) => `${species}, ${name}`,
  individualNote: (names: string[], count: number) =>
    `${names.join(", ")}, ${formatPlural(count, "image", "images")}`,
  individualNeedsOne: "Select the box of one animal to name the individual.",
  newIndividual: (name: string) => `Create “${name}”`,
  isNewIndividual: "New individual of this project",
  noIndividuals: "No individual is named in this project yet. Type a name to create one.",
  loading: "Loading",
  noCameraTime: "no camera time",
  noPalette: "The most frequent species of the project appear here.",
  lastDecision: "Last decision",
  undo: "Undo",
  nothingToUndo: "Nothing to undo.",
  nothingToRedo: "Nothing to redo.",
  nothingToRepeat: "No species was assigned yet.",
  repeat: (name: string) => `Repeat ${name}`,
  count: "Count",
  countOfOneSpecies: (count: number) =>
    [
      `Nothing is recorded: the count ${formatCount(count)} requires one species.`,
      "Assign a species, or press Esc to remove the count.",
    ].join(" "),
  fewer: "One less",
  more: "One more",
  typing: (digits: string) => (digits === "" ? "Type the count" : digits),
  star: "Star",
  comment: "Comment",
  commentHint: "A remark on this image, without a decision",
  commented: "Comment",
  save: "Save",
  yours: (what: string) => `Your decision: ${what}`,
  search: "Species",
  boxGone: "The selected box was deleted meanwhile. Nothing was decided.",
  searchFailed: "The species list is not available. Press ↓ and Enter to store the name as typed.",
  searchHint: "Scientific or common name",
  cancel: "Cancel",
  recent: "Recent",
  observed: "Observed in this project",
  asTyped: (name: string) => `Use “${name}” as typed`,
  synonymOf: (name: string) => `synonym of ${name}`,
  enterHint: "Assign and go to next",
  stayHint: "Assign and stay",
  doneTitle: (count: string) => `${count} reviewed`,
  doneText: "This was the last of the set.",
  doneSpecies: (count: number) =>
    `${formatPlural(count, "species", "species")}. Each tile shows a starred image, or the one with the highest confidence.`,
  moreSpecies: (count: number) => `and ${formatCount(count)} more species`,
  decisionsIn: (count: number, minutes: number) =>
    `${formatPlural(count, "decision", "decisions")} in ${formatCount(minutes)} min`,
  checkRandom: "Check random images",
  reviewUnsure: "Review unsure images",
  toOverview: "Open the overview",
  yourDecisions: "Your decisions",
  kinds: {
    confirm: "Accepted",
    correct: "Species assigned",
    blank: "Blank",
    unsure: "Unsure",
    comment: "Comments",
    box: "Boxes",
  } as Record<string, string>,
  newImages: "Look for more images",
  of: (number: number, total: number) => `Box ${number} of ${total}`,
  whole: "Whole sequence",
  review: (count: string) => `Review ${count}`,
}

export const imageToolTexts = {
  title: "Image tools",
  zoom: "Zoom to box",
  play: "Play sequence",
  night: "Night preset",
  sliders: "Brightness, contrast, gamma",
  adjustments: "Image adjustments",
  reset: "Reset",
  names: { brightness: "Brightness", contrast: "Contrast", gamma: "Gamma" },
  percent: (value: number) => `${value} %`,
  remembered: (deployment: string) => `Remembered for ${deployment}`,
}

export const reviewKeys: { name: string; keys: [string, string][] }[] = [
  {
    name: "Decide and go to the next",
    keys: [
      ["Enter or y", "accept the proposal"],
      ["1 to 9", "assign a species of the list"],
      ["0 or n", "blank"],
      ["u", "unsure"],
      ["x", "search for a species"],
      ["r", "repeat the last species"],
      ["c, digits", "count"],
      ["i", "name the individual"],
    ],
  },
  {
    name: "One box or image",
    keys: [
      ["Tab", "next box"],
      ["d", "draw a box: arrows, Shift + arrows, Enter"],
      ["p", "draw a point, if the project uses points: arrows, Enter"],
      ["l", "draw a polygon, if the project uses them: arrows, Space, Enter"],
      ["e", "change the selected box"],
      ["Delete", "delete the selected box"],
      ["f", "zoom to the box"],
      ["g", "magnifier"],
      ["h, held", "hide boxes"],
      ["Space", "play the sequence"],
      ["b", "night preset"],
      ["v", "brightness, contrast, gamma"],
      ["s", "star"],
      ["m", "comment"],
    ],
  },
  {
    name: "Move",
    keys: [
      ["← →", "previous, next image of the sequence"],
      ["J K", "next, previous sequence"],
      ["z", "undo the last decision"],
      ["Shift + z", "redo"],
      ["Esc", "one level back"],
      ["?", "show these keys"],
    ],
  },
]

export const sequenceChangeTexts = {
  actions: "Sequence",
  split: "Split here",
  merge: "Merge with previous",
  splitDone: "Sequence split.",
  mergeDone: "Sequences merged.",
  undone: "Change of the sequence undone.",
  undo: "Undo",
  noPrevious: "No earlier sequence of this camera. Nothing was changed.",
}
