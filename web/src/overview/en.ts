import { formatCount } from "../ui/en"

export const onboardingTexts = {
  title: "First steps",
  progress: (done: number, all: number) =>
    `${done} of ${all} done. This list disappears automatically.`,
  done: "done",
  account: "Your account",
  project: "Your project",
  where: "Where are your cameras?",
  whereText: "A deployment is one camera at one place over one period.",
  whereGo: "Add deployment",
  bring: "Add images",
  bringText: "Drop files here, or add a source that Trapline polls.",
  bringGo: "Add source",
  bringUpload: "Upload files",
  worker: "Connect a worker",
  workerText: "A worker runs the models. It may be this machine or any other.",
  workerGo: "Connect a worker",
  workerLook: "View workers",
  workerOnline: "A worker is online.",
  workerAway: "A worker has registered, but none is online. The last was seen",
  results: "First results",
  resultsText: "Choose the pipeline that analyses every new image.",
  resultsGo: "Choose a pipeline",
  resultsWait: "Results appear here when the first image is analysed.",
  resultsJob: "View job",
  choose: "Choose a pipeline",
  chooseGo: "Choose",
  noPipeline: "No worker has registered a pipeline yet.",
  chosen: (name: string) => `${name} analyses every new image.`,
}

export const overviewTexts = {
  where: "Locations",
  recent: "Latest images",
  finds: "Best finds",
  lastImage: (age: string) => `last image ${age}`,
  running: "Running now",
  nothingRuns: "No job is running.",
  sources: "Sources",
  noSources: "No source is active.",
  workers: "Workers",
  noWorkers: "No worker has registered yet.",
  seeAll: "See all",
  found: "Most detected species",
  silent: (count: number) =>
    count === 1 ? "1 camera is silent" : `${formatCount(count)} cameras are silent`,
  figures: {
    images: (count: number) => (count === 1 ? "image" : "images"),
    deployments: (count: number) => (count === 1 ? "deployment" : "deployments"),
    workers: (count: number) => (count === 1 ? "worker service online" : "worker services online"),
    jobs: (count: number) => (count === 1 ? "job running" : "jobs running"),
  },
}

export const reviewProgressTexts = {
  title: "Review",
  go: "Review",
  total: (reviewed: number, images: number) =>
    `${formatCount(reviewed)} of ${formatCount(images)} images reviewed`,
  part: (reviewed: number, images: number) => `${formatCount(reviewed)} of ${formatCount(images)}`,
  more: (count: number) => `and ${formatCount(count)} more deployments`,
  person: "Person",
  images: "Images",
  today: "Today",
}
