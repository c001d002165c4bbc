/** English texts of e-mail notices and webhooks. */

import type { Notice } from "../api/types"
import { formatCount, formatPlural } from "../ui/en"

const span = (hours: number) =>
  hours % 24 === 0 ? formatPlural(hours / 24, "day", "days") : formatPlural(hours, "hour", "hours")

export const noticeTexts = {
  title: "E-mail",
  add: "Ask for a notice",
  noneTitle: "You are not written to",
  none: "Trapline can write to you when a camera or a source falls silent, a job fails, or a class is seen.",
  text: (address: string) =>
    `Trapline writes to ${address}: what happens goes together into one e-mail of a kind each quarter of an hour, at most.`,
  notSetUp:
    "This server sends no e-mail yet. Whoever runs it sets the mail server and starts it anew:",
  setUp: "TRAPLINE_SMTP_URL=smtp+starttls://user:password@mail.example.org",
  setUpMore: "More is in docs/how-to/configure-email-notifications.md, which comes with Trapline.",

  what: "What",
  last: "Last e-mail",
  never: "none yet",
  notSent: (why: string) => `The newest one has not been sent: ${why}. It is tried for a day.`,
  actions: "Actions",
  kinds: {
    deployment_silent: "A camera is silent",
    source_silent: "A source is silent",
    job_failed: "A job has failed",
    class_seen: "A class was seen",
  } as Record<Notice["kind"], string>,
  details: (notice: Notice) => {
    if (notice.silent_for_h) return `no image for ${span(notice.silent_for_h)}`
    if (notice.class_name)
      return notice.confidence_min
        ? `${notice.class_name}, at least ${Math.round(notice.confidence_min * 100)}% sure`
        : notice.class_name
    return ""
  },
  tell: "Write to me when",
  days: "Days without an image",
  hours: "Hours without an image",
  cameraHint: "Cameras whose deployment is over are not missed.",
  sourceHint: "Told too where its runs fail; paused sources are not missed.",
  className: "Class",
  classHint: "As it is written on the images.",
  sure: "Least confidence, in percent",
  go: "Ask for it",
  change: "What you asked for already is changed.",
  asked: "You will be written to.",
  end: "End",
  endNotice: (what: string) => `End “${what}”`,
  ended: "You are not written to about this any more.",
  test: "Send a test",
  arrived: (address: string) => `The mail server has taken the test for ${address}.`,
  notArrived: (why: string) => `The test was not sent: ${why}.`,
}

export const webhookTexts = {
  title: "Webhooks",
  add: "Add a webhook",
  edit: "Change the webhook",
  noneTitle: "No webhook yet",
  none: "A webhook is an address of yours that Trapline calls when a job ends, images come in, a source fails or a worker falls silent.",
  text: "Each is called, signed, when something happens that it asked for. What could not be delivered is tried for a day, and can be sent again.",
  onlyManagers:
    "Only managers and owners of the project see its webhooks: an address can be a secret.",

  url: "Address",
  urlHint: "https:// wherever it can be. Redirects are not followed.",
  name: "Name",
  events: "Told of",
  all: "everything",
  some: (count: number) => `${formatCount(count)} ${count === 1 ? "kind" : "kinds"} of events`,
  everything: "Everything",
  chosen: "Only what is ticked",
  ofJobs: "Each analysis of a job too",
  ofJobsHint:
    "One event for each image of a job; without it only analyses of outside pipelines are told.",
  chooseOne: "Tick at least one.",
  types: {
    "job.queued": "A job is queued",
    "job.processing": "A job has begun",
    "job.completed": "A job is done",
    "job.failed": "A job has failed",
    "job.canceled": "A job is canceled",
    "analysis.completed": "An analysis is done",
    "analysis.failed": "An analysis has failed",
    "image.created": "Images have come in",
    "source.failing": "A source fails",
    "source.recovered": "A source is well again",
    "source.run.completed": "A run of a source is over",
    "worker.online": "A worker has come",
    "worker.offline": "A worker has left or fallen silent",
    "worker.evicted": "A worker is evicted",
    "webhook.ping": "A test",
  } as Record<string, string>,
  go: "Add the webhook",
  save: "Save",
  saved: "The webhook is changed.",
  secret: "Secret",
  shownOnce: "The secret is shown only now. Put it where the receiver can read it.",
  receiver:
    "How to check the signature, with a receiver to copy: docs/how-to/receive-webhooks.md, which comes with Trapline.",
  both: "For a while both secrets sign: the old one until",

  natsAway: "The NATS server that events are published to does not answer since",
  natsAwayText: "Events wait for a day and are published when it answers.",

  state: "State",
  on: "on",
  off: "off",
  failing: "fails since",
  waiting: "Waiting",
  failed: "Given up",
  made: "Made",
  actions: "Actions",
  disabled: "Trapline has switched it off:",
  offText: "It is switched off. What happens meanwhile is not told; what waited is kept.",
  switchOn: "Switch on",
  switchOff: "Switch off",
  switchedOn: "The webhook is switched on, and goes on with what waited.",
  switchedOff: "The webhook is switched off.",
  test: "Test",
  arrived: (ms: number) => `The test has arrived, in ${formatCount(ms)} ms.`,
  notArrived: (why: string) => `The test did not arrive: ${why}.`,
  rotate: "New secret",
  rotateAsk: "Make a new secret?",
  rotateText:
    "For another day both sign, so that nothing is lost while you put the new one in its place.",
  rotateGo: "Make it",
  remove: "Delete",
  removeAsk: "Delete this webhook?",
  removeText: "It is told nothing any more, and its log goes with it.",
  removed: "The webhook is deleted.",

  log: "Deliveries",
  logText: "Of the last 30 days, the newest first.",
  noLog: "Nothing has happened yet that it is told of.",
  noLogIn: "No delivery is in this state.",
  states: { waiting: "waiting", delivered: "delivered", failed: "given up" } as Record<
    string,
    string
  >,
  event: "Event",
  at: "At",
  answer: "What was said",
  details: "Details",
  again: "again",
  attempts: (count: number) => `${formatCount(count)} ${count === 1 ? "attempt" : "attempts"}`,
  answered: (status: number, ms: number) => `status ${status}, in ${formatCount(ms)} ms`,
  notYet: "not tried yet",
  told: "What it was told",
  said: "How the answer began",
  id: "webhook-id",
  replay: "Send again",
  replayOne: (event: string) => `Send ${event} again`,
  replayAll: (count: number) =>
    count === 1 ? "Send it again" : `Send all ${formatCount(count)} again`,
  replayed: (count: number) =>
    count === 1
      ? "1 delivery is attempted again."
      : `${formatCount(count)} deliveries are attempted again.`,
}
