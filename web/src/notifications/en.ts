import type { EventType, Notice } from "../api/types"
import { formatCount, formatPlural } from "../ui/en"

const span = (hours: number) =>
  hours % 24 === 0 ? formatPlural(hours / 24, "day", "days") : formatPlural(hours, "hour", "hours")

export const noticeTexts = {
  title: "E-mail",
  add: "Add alert",
  noneTitle: "No alerts",
  none: "Trapline can send you an e-mail when a camera or a source is silent, a job fails, or a class is detected.",
  text: (address: string) =>
    `Trapline sends e-mail to ${address}: at most one e-mail per kind of alert every 15 minutes.`,
  notSetUp:
    "This server cannot send e-mail yet. Its operator sets the mail server and restarts it:",
  setUp: "TRAPLINE_SMTP_URL=smtp+starttls://user:password@mail.example.org",
  setUpMore: "More is in docs/how-to/configure-email-notifications.md.",

  what: "Alert",
  last: "Last e-mail",
  never: "none yet",
  notSent: (why: string) => `The newest one has not been sent: ${why}. It is retried for one day.`,
  actions: "Actions",
  kinds: {
    deployment_silent: "A camera is silent",
    source_silent: "A source is silent",
    job_failed: "A job has failed",
    class_seen: "A class was detected",
  } as Record<Notice["kind"], string>,
  details: (notice: Notice) => {
    if (notice.silent_for_h) return `no image for ${span(notice.silent_for_h)}`
    if (notice.class_name)
      return notice.confidence_min
        ? `${notice.class_name}, confidence at least ${Math.round(notice.confidence_min * 100)} %`
        : notice.class_name
    return ""
  },
  tell: "Alert me when",
  days: "Days without an image",
  hours: "Hours without an image",
  cameraHint: "Deployments that have ended are ignored.",
  sourceHint: "Includes sources whose runs fail; paused sources are ignored.",
  className: "Class",
  classHint: "Spelled as on the images.",
  sure: "Minimum confidence, percent",
  go: "Add",
  change: "Alert updated.",
  asked: "Alert added.",
  end: "Delete",
  endNotice: (what: string) => `Delete “${what}”`,
  ended: "Alert deleted.",
  test: "Send test e-mail",
  arrived: (address: string) => `Test e-mail to ${address} accepted by the mail server.`,
  notArrived: (why: string) => `The test was not sent: ${why}.`,
}

export const webhookTexts = {
  title: "Webhooks",
  add: "Add webhook",
  edit: "Edit webhook",
  noneTitle: "No webhook yet",
  none: "A webhook is a URL of yours that Trapline calls when a job ends, images arrive, a source fails or a worker is silent.",
  text: "Trapline sends each webhook the events that it selected, signed. Failed deliveries are retried for one day and can be sent again.",
  onlyManagers: "Only managers and owners of the project see its webhooks: a URL can be a secret.",

  url: "URL",
  urlHint: "Use https:// if possible. Redirects are not followed.",
  name: "Name",
  events: "Events",
  all: "everything",
  some: (count: number) => `${formatCount(count)} ${count === 1 ? "kind" : "kinds"} of events`,
  everything: "Everything",
  chosen: "Only selected events",
  ofJobs: "Include each analysis of a job",
  ofJobsHint:
    "One event for each image of a job; otherwise only analyses of external pipelines are sent.",
  chooseOne: "Select at least one.",
  types: {
    "job.queued": "A job is queued",
    "job.processing": "A job is running",
    "job.completed": "A job is completed",
    "job.failed": "A job has failed",
    "job.canceled": "A job is canceled",
    "analysis.completed": "An analysis is completed",
    "analysis.failed": "An analysis has failed",
    "image.created": "Images have arrived",
    "source.failing": "A source is failing",
    "source.recovered": "A source has recovered",
    "source.run.completed": "A run of a source has ended",
    "worker.online": "A worker is online",
    "worker.offline": "A worker is offline",
    "worker.evicted": "A worker is evicted",
  } satisfies Record<EventType, string>,
  ping: "Test event",
  go: "Add webhook",
  save: "Save",
  saved: "Webhook saved.",
  secret: "Secret",
  shownOnce: "The secret is shown only once. Store it where the receiver can read it.",
  receiver: "How to check the signature, with a receiver to copy: docs/how-to/receive-webhooks.md.",
  both: "Both secrets sign events; the old one until",

  natsAway: "No events are published to the NATS server since",
  natsAwayText: "Events wait for a day and are published when it accepts them.",

  state: "State",
  on: "on",
  off: "off",
  failing: "failing since",
  waiting: "Waiting",
  failed: "Not delivered",
  made: "Created",
  actions: "Actions",
  disabled: "Trapline disabled the webhook:",
  offText: "The webhook is disabled. New events are not sent; waiting deliveries are kept.",
  switchOn: "Enable",
  switchOff: "Disable",
  switchedOn: "Webhook enabled. Waiting deliveries are sent.",
  switchedOff: "Webhook disabled.",
  test: "Test",
  arrived: (ms: number) => `Test event delivered in ${formatCount(ms)} ms.`,
  notArrived: (why: string) => `Test event not delivered: ${why}.`,
  rotate: "New secret",
  rotateAsk: "Create a new secret?",
  rotateText:
    "Both secrets sign events for one more day, so that nothing is lost while you replace the old one.",
  rotateGo: "Create secret",
  remove: "Delete",
  removeAsk: "Delete this webhook?",
  removeText: "It receives no more events, and its log is deleted.",
  removed: "Webhook deleted.",

  log: "Deliveries",
  logText: "The last 30 days, newest first.",
  noLog: "No event has been sent yet.",
  noLogIn: "No delivery is in this state.",
  states: { waiting: "waiting", delivered: "delivered", failed: "not delivered" } as Record<
    string,
    string
  >,
  event: "Event",
  at: "At",
  answer: "Response",
  details: "Details",
  again: "again",
  attempts: (count: number) => `${formatCount(count)} ${count === 1 ? "attempt" : "attempts"}`,
  answered: (status: number, ms: number) => `status ${status}, in ${formatCount(ms)} ms`,
  notYet: "not attempted yet",
  requestBody: "Request body",
  responseStart: "Start of the response",
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
