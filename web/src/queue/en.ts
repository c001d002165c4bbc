/** The words of runs and presets, loaded with their screens: a part of the English catalogue. */

const number = new Intl.NumberFormat("en")
const n = (count: number) => number.format(count)
const images = (count: number) => `${n(count)} ${count === 1 ? "image" : "images"}`

export const runTexts = {
  title: "Start a job", what: "What to run", presets: "Presets", pipelines: "Pipelines", online: "a worker is online", offline: "no worker online: it waits until one comes",
  gone: (slug: string) => `its pipeline ${slug} is no longer registered`, runs: (slug: string, priority: string) => `runs ${slug}, priority ${priority.toLowerCase()}`,
  which: "Which images", everything: "All images of the project", fitting: "Those that fit the filters of the grid", byIds: (count: number) => (count === 1 ? "The selected image" : `The ${images(count)} that are selected`),
  atAddresses: "Pictures at web addresses, which are fetched", addresses: "Addresses", addressesHint: (most: number) => `One per line, at most ${n(most)}. The server fetches each picture once and keeps it.`,
  notAddress: (line: number) => `Line ${n(line)} is no address of a picture: it looks like https://camera.example/IMG_0001.JPG, without a name and a password.`,
  tooManyAddresses: (count: number, most: number) => `These are ${n(count)} addresses; one run takes at most ${n(most)}.`, into: "Put them into", intoDefault: "The project's default deployment",
  unanalysed: "Only images that it has not analysed yet", from: "Taken from", to: "to", name: "Name",
  parameters: "Parameters", parametersHint: "A JSON object that its workers read, such as {\"threshold\": 0.4}.", known: (keys: string[]) => `It knows ${keys.join(", ")}.`,
  ofPreset: (said: string) => `The preset has ${said}; what stands here goes before it.`, notObject: "This is no JSON object: it begins with { and ends with }, names and texts stand in double quotes.",
  priority: "Priority", asPreset: (name: string) => `As the preset has it: ${name.toLowerCase()}`,
  go: "Start", goLater: "Make it", later: "Do not start it yet", madeLater: "The job is made. It waits until you run it.", started: "The job is queued.",
  noneTitle: "No pipeline is registered", none: "Connect a worker: it tells Trapline which pipelines it offers.",

  nothing: "No image fits: there is nothing to run.", tooMany: (most: number) => `These are more than ${n(most)} images. Narrow the filters, or choose by deployment and time.`,
  reading: (read: number, of: number) => `Putting the images together: ${n(read)} of ${n(Math.max(read, of))}.`,
  counting: "Counting the images…", notCounted: "The images could not be counted; the job counts them itself.",
  sum: (count: number, about: boolean, atMost: boolean) => `${atMost ? "At most " : about ? "About " : ""}${images(count)}`,
  takes: (time: string, now: boolean) => `about ${time} of work, as fast as it ${now ? "goes now" : "went last time"}`, noPace: "how long it takes cannot be said before it has run here once", waits: "it waits until a worker comes",
  ahead: (count: number) => `${images(count)} of other jobs ${count === 1 ? "is" : "are"} in the line, too.`,

  preset: "Preset", content: "Over", attempt: (count: number) => `attempt ${n(count)}`, asked: "asked for", began: "began", ended: "ended", metadata: "Metadata",
}

export const presetWords = {
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
