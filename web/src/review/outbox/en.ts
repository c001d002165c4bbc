import { formatCount, formatPlural } from "../../ui/en"

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
  refusedHint: "Open the image and decide again, send the decision again, or discard it.",
  unclear: (count: number) =>
    `The server may have stored ${decisions(count)}: the response was lost. Check the images first.`,
  refusedToast: (what: string, filename: string, why: string) =>
    `Refused: ${what}, ${filename}. ${why} It is kept under “refused”.`.replace("  ", " "),
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
  discardTogether: (count: number) => `Discard all ${formatCount(count)}`,
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
  refusedTitleOf: (place: string) => `Refused: ${place}`,
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
  stars: { set: "Star", removed: "Remove the star" },
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
