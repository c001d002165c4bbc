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
  withdraw: "Withdraw",
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
