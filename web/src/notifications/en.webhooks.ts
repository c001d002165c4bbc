/** The words of the webhooks' screens, loaded with them: a part of the English catalogue. */

const number = new Intl.NumberFormat("en")
const n = (count: number) => number.format(count)

export const webhookTexts = {
  title: "Webhooks", add: "Add a webhook", edit: "Change the webhook", noneTitle: "No webhook yet",
  none: "A webhook is an address of yours that Trapline calls when a job ends, images come in, a source fails or a worker falls silent.",
  text: "Each is called, signed, when something happens that it asked for. What could not be delivered is tried for a day, and can be sent again.",
  onlyManagers: "Only managers and owners of the project see its webhooks: an address can be a secret.",

  url: "Address", urlHint: "https:// wherever it can be. Redirects are not followed.", name: "Name", events: "Told of", all: "everything", some: (count: number) => `${n(count)} ${count === 1 ? "kind" : "kinds"} of events`,
  everything: "Everything", chosen: "Only what is ticked", ofJobs: "Each analysis of a job too", ofJobsHint: "One event for each image of a job; without it only analyses of outside pipelines are told.", chooseOne: "Tick at least one.",
  types: {
    "job.queued": "A job is queued", "job.processing": "A job has begun", "job.completed": "A job is done", "job.failed": "A job has failed", "job.canceled": "A job is canceled",
    "analysis.completed": "An analysis is done", "analysis.failed": "An analysis has failed", "image.created": "Images have come in",
    "source.failing": "A source fails", "source.recovered": "A source is well again", "source.run.completed": "A run of a source is over",
    "worker.online": "A worker has come", "worker.offline": "A worker has left or fallen silent", "worker.evicted": "A worker is evicted", "webhook.ping": "A test",
  } as Record<string, string>,
  go: "Add the webhook", save: "Save", saved: "The webhook is changed.",
  secret: "Secret", shownOnce: "The secret is shown only now. Put it where the receiver can read it.", receiver: "How to check the signature, with a receiver to copy: docs/how-to/receive-webhooks.md, which comes with Trapline.",
  both: "For a while both secrets sign: the old one until",

  natsAway: "The NATS server that events are published to does not answer since", natsAwayText: "Events wait for a day and are published when it answers.",

  state: "State", on: "on", off: "off", failing: "fails since", waiting: "Waiting", failed: "Given up", made: "Made", actions: "Actions",
  disabled: "Trapline has switched it off:", offText: "It is switched off. What happens meanwhile is not told; what waited is kept.", switchOn: "Switch on", switchOff: "Switch off",
  switchedOn: "The webhook is switched on, and goes on with what waited.", switchedOff: "The webhook is switched off.",
  test: "Test", arrived: (ms: number) => `The test has arrived, in ${n(ms)} ms.`, notArrived: (why: string) => `The test did not arrive: ${why}.`,
  rotate: "New secret", rotateAsk: "Make a new secret?", rotateText: "For another day both sign, so that nothing is lost while you put the new one in its place.", rotateGo: "Make it",
  remove: "Delete", removeAsk: "Delete this webhook?", removeText: "It is told nothing any more, and its log goes with it.", removed: "The webhook is deleted.",

  log: "Deliveries", logText: "Of the last 30 days, the newest first.", noLog: "Nothing has happened yet that it is told of.", noLogIn: "No delivery is in this state.",
  states: { waiting: "waiting", delivered: "delivered", failed: "given up" } as Record<string, string>,
  event: "Event", at: "At", answer: "What was said", details: "Details", again: "again", attempts: (count: number) => `${n(count)} ${count === 1 ? "attempt" : "attempts"}`,
  answered: (status: number, ms: number) => `status ${status}, in ${n(ms)} ms`, notYet: "not tried yet", told: "What it was told", said: "How the answer began", id: "webhook-id",
  replay: "Send again", replayOne: (event: string) => `Send ${event} again`, replayAll: (count: number) => (count === 1 ? "Send it again" : `Send all ${n(count)} again`),
  replayed: (count: number) => (count === 1 ? "1 delivery is attempted again." : `${n(count)} deliveries are attempted again.`),
}
