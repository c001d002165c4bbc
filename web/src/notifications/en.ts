/** The words of the screen of notices, loaded with it: a part of the English catalogue. */
import type { Notice } from "../api/types"

const number = new Intl.NumberFormat("en")
const n = (count: number, one: string, many: string) => `${number.format(count)} ${count === 1 ? one : many}`
const span = (hours: number) => (hours % 24 === 0 ? n(hours / 24, "day", "days") : n(hours, "hour", "hours"))

export const noticeTexts = {
  title: "E-mail", add: "Ask for a notice", noneTitle: "You are not written to",
  none: "Trapline can write to you when a camera or a source falls silent, a job fails, or a class is seen.",
  text: (address: string) => `Trapline writes to ${address}: what happens goes together into one e-mail of a kind each quarter of an hour, at most.`,
  notSetUp: "This server sends no e-mail yet. Whoever runs it sets the mail server and starts it anew:",
  setUp: "TRAPLINE_SMTP_URL=smtp+starttls://user:password@mail.example.org",
  setUpMore: "More is in docs/how-to/configure-email-notifications.md, which comes with Trapline.",

  what: "What", last: "Last e-mail", never: "none yet", notSent: (why: string) => `The newest one has not been sent: ${why}. It is tried for a day.`, actions: "Actions",
  kinds: {
    deployment_silent: "A camera is silent", source_silent: "A source is silent", job_failed: "A job has failed", class_seen: "A class was seen",
  } as Record<Notice["kind"], string>,
  details: (notice: Notice) => {
    if (notice.silent_for_h) return `no image for ${span(notice.silent_for_h)}`
    if (notice.class_name) return notice.confidence_min ? `${notice.class_name}, at least ${Math.round(notice.confidence_min * 100)}% sure` : notice.class_name
    return ""
  },
  tell: "Write to me when", days: "Days without an image", hours: "Hours without an image",
  cameraHint: "Cameras whose deployment is over are not missed.", sourceHint: "Told too where its runs fail; paused sources are not missed.",
  className: "Class", classHint: "As it is written on the images.", sure: "Least confidence, in percent", go: "Ask for it", change: "What you asked for already is changed.",
  asked: "You will be written to.", end: "End", endNotice: (what: string) => `End “${what}”`, ended: "You are not written to about this any more.",
  test: "Send a test", arrived: (address: string) => `The mail server has taken the test for ${address}.`, notArrived: (why: string) => `The test was not sent: ${why}.`,
}
