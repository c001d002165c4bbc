/** The words of a new installation's first steps, loaded with them: a part of the English catalogue. */

export const onboardingTexts = {
  title: "To your first results", progress: (done: number, all: number) => `${done} of ${all} done. This goes away by itself.`, done: "done",
  account: "Your account", project: "Your project",
  where: "Where are your cameras?", whereText: "A deployment is one camera at one place over one period.", whereGo: "Add a deployment",
  bring: "Bring images", bringText: "Drop files here, or let Trapline poll a camera's folder.", bringGo: "Add a source", bringUpload: "Upload files",
  worker: "Connect a worker", workerText: "A worker runs the models. It may be this machine or any other.", workerGo: "Connect a worker", workerLook: "See the workers", workerOnline: "A worker is online.", workerAway: "A worker has registered, but none is online. The last was seen",
  results: "First results", resultsText: "Choose the pipeline that looks at every image that comes in.", resultsGo: "Choose a pipeline", resultsWait: "They appear here as soon as an image has been looked at.", resultsJob: "See the job",
  choose: "Choose a pipeline", chooseGo: "Choose", noPipeline: "No worker has registered a pipeline yet.", chosen: (name: string) => `${name} looks at every new image from now on.`,
}
