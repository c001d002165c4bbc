/** English texts of jobs, runs, presets and workers. */
import { formatImages } from "../images/en"
import { formatCount, formatPlural } from "../ui/en"

export const runTexts = {
  title: "Start a job", what: "What to run", presets: "Presets", pipelines: "Pipelines", online: "a worker is online", offline: "no worker online: it waits until one comes",
  gone: (slug: string) => `its pipeline ${slug} is no longer registered`, runs: (slug: string, priority: string) => `runs ${slug}, priority ${priority.toLowerCase()}`,
  which: "Which images", everything: "All images of the project", fitting: "Those that fit the filters of the grid", byIds: (count: number) => (count === 1 ? "The selected image" : `The ${formatImages(count)} that are selected`),
  atAddresses: "Pictures at web addresses, which are fetched", addresses: "Addresses", addressesHint: (most: number) => `One per line, at most ${formatCount(most)}. The server fetches each picture once and keeps it.`,
  notAddress: (line: number) => `Line ${formatCount(line)} is no address of a picture: it looks like https://camera.example/IMG_0001.JPG, without a name and a password.`,
  tooManyAddresses: (count: number, most: number) => `These are ${formatCount(count)} addresses; one run takes at most ${formatCount(most)}.`, into: "Put them into", intoDefault: "The project's default deployment",
  unanalysed: "Only images that it has not analysed yet", from: "Taken from", to: "to", name: "Name",
  parameters: "Parameters", parametersHint: "A JSON object that its workers read, such as {\"threshold\": 0.4}.", known: (keys: string[]) => `It knows ${keys.join(", ")}.`,
  ofPreset: (said: string) => `The preset has ${said}; what stands here goes before it.`, notObject: "This is no JSON object: it begins with { and ends with }, names and texts stand in double quotes.",
  priority: "Priority", asPreset: (name: string) => `As the preset has it: ${name.toLowerCase()}`,
  go: "Start", goLater: "Make it", later: "Do not start it yet", madeLater: "The job is made. It waits until you run it.", started: "The job is queued.",
  noneTitle: "No pipeline is registered", none: "Connect a worker: it tells Trapline which pipelines it offers.",

  nothing: "No image fits: there is nothing to run.", tooMany: (most: number) => `These are more than ${formatCount(most)} images. Narrow the filters, or choose by deployment and time.`,
  reading: (read: number, of: number) => `Putting the images together: ${formatCount(read)} of ${formatCount(Math.max(read, of))}.`,
  counting: "Counting the images…", notCounted: "The images could not be counted; the job counts them itself.",
  sum: (count: number, about: boolean, atMost: boolean) => `${atMost ? "At most " : about ? "About " : ""}${formatImages(count)}`,
  takes: (time: string, now: boolean) => `about ${time} of work, as fast as it ${now ? "goes now" : "went last time"}`, noPace: "how long it takes cannot be said before it has run here once", waits: "it waits until a worker comes",
  ahead: (count: number) => `${formatImages(count)} of other jobs ${count === 1 ? "is" : "are"} in the line, too.`,

  preset: "Preset", content: "Over", attempt: (count: number) => `attempt ${formatCount(count)}`, asked: "asked for", began: "began", ended: "ended", metadata: "Metadata",
}

export const presetTexts = {
  title: "Presets", add: "Make a preset", edit: "Change the preset", noneTitle: "No preset yet",
  none: "A preset is a pipeline with its parameters under a name: people choose it from a list, and programs ask for a run by one word.",
  onlyManagers: "Managers and owners of the project make presets.", noPipeline: "It names a pipeline, and none is registered yet.",
  text: "Each is a pipeline with its parameters under a name, for people and for programs.", guide: "How programs ask for runs: docs/how-to/run-a-pipeline.md, which comes with Trapline.",
  name: "Name", nameHint: "What programs call it: letters, digits, dots, dashes and underscores.", pipeline: "Pipeline", description: "Description", descriptionHint: "When to take it: people read this where they start a job.",
  parameters: "Parameters", priority: "Priority", changed: "Changed", actions: "Actions", noParameters: "none", gone: "no longer registered",
  go: "Make the preset", save: "Save", asItIs: "Show it as it is now", made: (name: string) => `Preset “${name}” is made.`, saved: (name: string) => `Preset “${name}” is changed. Runs that were asked for stay as they are.`,
  run: "Run", runOne: (name: string) => `Run ${name}`, editOne: (name: string) => `Edit ${name}`, remove: "Delete", removeOne: (name: string) => `Delete ${name}`,
  removeAsk: (name: string) => `Delete “${name}”?`, removeText: "Programs that ask for it by its name are refused from now on. Its runs and what they found stay.", removeGo: "Delete the preset", removed: "The preset is deleted.",
}

export const jobTexts = {
  title: "Jobs", start: "Start a job", noneTitle: "No job yet", none: "A job runs a pipeline over images. Start one when there are images and a worker is online.",
  noneState: "No job is in this state.", name: "Name", pipeline: "Pipeline", progress: "Progress", left: "Time left", by: "Asked for by", started: "Started", finished: "Finished", created: "Made", priority: "Priority",
  states: { queued: "Queued", processing: "Running", completed: "Completed", failed: "Failed", canceled: "Canceled", paused: "Paused", not_started: "Not started" } as Record<string, string>,
  priorities: { low: "Low", normal: "Normal", high: "High" } as Record<string, string>,
  of: (done: number, total: number) => `${formatCount(done)} of ${formatCount(total)}`, ofAbout: (done: number, total: number) => `${formatCount(done)} of about ${formatCount(total)}`, perMinute: (rate: number) => `${rate * 60 >= 10 ? formatCount(Math.round(rate * 60)) : (rate * 60).toFixed(1)} images/min`,
  counts: { queued: "waiting", processing: "in work", completed: "done", failed: "failed", canceled: "canceled" } as Record<string, string>,
  cancel: "Cancel", run: "Run", pause: "Pause", resume: "Resume", retry: "Take it up again", rename: "Rename", renameTitle: "Rename the job", prioritized: (name: string) => `Its priority is ${name} now.`, renamed: "The job has another name now.", cancelAsk: "Cancel this job?", cancelText: "Images that were analysed keep their results. The rest is not analysed.", cancelGo: "Cancel the job", keep: "Let it run",
  canceled: "The job is canceled.", paused: "The job is paused. Nothing new is handed out.", resumed: "The job goes on.", ran: "The job is started.", retried: "What was not done waits for a worker again.",
  history: "History", failures: "Failures", nothingFound: "nothing found", growing: "still counting", standing: "takes every new image",
  noName: (slug: string, id: number) => `${slug} ${id}`, finds: (over: boolean) => (over ? "What it has found" : "What it has found so far"), noFinds: "Nothing has been found yet.",
}

export const failureTexts = {
  none: "No image failed.", noReason: "No reason was given", noWorker: "an unknown worker", look: "Look at the image", choose: "Choose images to retry only some.", retrySome: "Retry chosen",
  sum: (images: number, reasons: number) => `${formatPlural(images, "image", "images")} failed, for ${formatPlural(reasons, "reason", "reasons")}. They are not tried again by themselves.`,
  retryAll: (count: number) => (count === 1 ? "Retry it" : `Retry all ${formatCount(count)}`), retryReason: (count: number) => (count === 1 ? "Retry it" : `Retry ${formatCount(count)}`),
  retried: (count: number) => (count === 1 ? "1 image waits for a worker again." : `${formatCount(count)} images wait for a worker again.`),
  attempts: (count: number) => formatPlural(count, "attempt", "attempts"), attempt: (number: number) => `${formatCount(number)}.`, at: (time: string, took: string) => `${time}, for ${took}`, since: (time: string) => `since ${time}`,
  outcomes: { "in hand": "is in work", completed: "done", error: "failed without a word", lost: "no answer came back", evicted: "the worker was evicted", released: "the worker gave it back", unheard: "the worker never had it" } as Record<string, string>,
}

export const workerTexts = {
  title: "Workers", noneTitle: "No worker has registered yet", none: "A worker is a program that runs models. It may run on any machine that reaches this server over HTTPS.", online: "Online", offline: "Offline", lastSeen: "Last seen", offers: "Offers", connect: "Connect a worker", connectTitle: "Connect a worker", connectText: "Make a token for it, then run these commands on the machine with the models.", tokenName: "Name of the worker's machine", make: "Make a token", shownOnce: "This token is shown only now. Keep it where the worker can read it.", install: "Install, in a clone of Trapline's repository", registerStep: "Register its pipelines", runStep: "Start it", noLive: "No process of it is connected.", pipelines: "Pipelines", classes: (count: number) => formatPlural(count, "class", "classes"), others: "Callers of no service", done: (count: number) => `${formatCount(count)} done`, jobHolds: (count: number, job: number) => `${formatCount(count)} of job ${job}`, idle: "holds nothing", process: (pid: number) => `process ${pid}`, evict: "Evict",
  evictAsk: (name: string) => `Evict ${name}?`, evictText: (count: number) => (count === 0 ? "It holds nothing. Its id is refused from now on; started again, it gets a new one. Its API token stays good." : `The ${formatPlural(count, "image", "images")} that it holds return to the queue immediately. An online worker keeps the images that it has begun, and its finished results are accepted. Its id is refused from now on; started again, it gets a new one. Its API token stays good.`),
  evicted: (count: number) => (count === 0 ? "The worker is evicted." : `The worker is evicted. ${count === 1 ? "1 image is" : `${formatCount(count)} images are`} back in the line.`), evictGo: "Evict the worker", version: "Version",
}
