/** Every word of the page, in English. Another language is another file of this shape. */

const number = new Intl.NumberFormat("en")
const n = (count: number) => number.format(count)
const plural = (count: number, one: string, many: string) => `${n(count)} ${count === 1 ? one : many}`

export const texts = {
  product: "Trapline",
  count: n,
  images: (count: number) => plural(count, "image", "images"),
  about: (text: string, estimated: boolean) => (estimated ? `about ${text}` : text),
  deployments: (count: number) => plural(count, "deployment", "deployments"),

  common: {
    cancel: "Cancel", close: "Close", save: "Save", remove: "Delete", edit: "Edit", copy: "Copy", copied: "Copied",
    retry: "Try again", more: "Show more", loading: "Loading", all: "All", none: "None", never: "never", optional: "optional",
    back: "Back", any: "Any", nothingLost: "Nothing was lost.", unknown: "unknown", yes: "Yes", no: "No",
  },

  problems: {
    unexpected: "Something went wrong that we did not foresee. Nothing that is stored was lost.",
    noAnswer: (status: number) => `The server could not answer (${status}). Nothing that is stored was lost; whether your last change was made is not certain, so look at it before you repeat it.`,
    nothingChanged: "Nothing was changed.",
    unreachable: "The server does not respond. A change that you made just now may not be stored.",
    triesAgain: "Check the network. When the server responds again, check the result before you repeat a change.",
    reload: "Try again, or load the page anew.",
    signIn: "Sign in again to go on.",
    askOwner: "Ask an owner of the project for a role that may do this.",
    goBack: "It may have been deleted. Go back and look for it there.",
    lookAgain: "Look at it again, then decide.",
    reportWith: (request: string) => `Try again. If it stays, tell your operator this number: ${request}.`,
    notFoundTitle: "There is nothing at this address",
    notFound: "It may have been moved or deleted, or you are not a member of its project.",
    toOverview: "To the overview",
    pageBroke: "This screen broke. Nothing that is stored was touched.",
  },

  nav: {
    overview: "Overview", images: "Images", jobs: "Jobs", sources: "Sources", deployments: "Deployments", exports: "Exports", imports: "Imports",
    workers: "Workers", integrations: "Integrations", settings: "Settings", more: "More", skip: "Skip to the content", main: "Main",
    live: "Live", notLive: "Not live: asking every few seconds",
    account: "Your account", signOut: "Sign out", theme: "Colours",
    themes: { auto: "As the system", light: "Light", dark: "Dark" } as Record<string, string>,
    keys: "Keys", projects: "Project", newProject: "New project", apiDocs: "API documentation",
    running: (count: number) => plural(count, "job runs", "jobs run"),
    archived: "This project is archived: it is only looked at. Its sources pause, and its jobs wait. An owner takes it out of the archive in the",
    archivedWhere: "settings",
  },

  search: {
    label: "Go to", placeholder: "Go to a class, deployment, job…", nothing: "Nothing is called that.",
    kinds: { screen: "Screen", class: "Class", deployment: "Deployment", source: "Source", job: "Job" } as Record<string, string>,
  },

  keys: {
    title: "Keys",
    groups: [
      { name: "Everywhere", keys: [["?", "show these keys"], ["/", "search"], ["g then o", "overview"], ["g then i", "images"], ["g then j", "jobs"], ["g then s", "sources"], ["g then d", "deployments"], ["g then w", "workers"], ["Esc", "close what is open"]] },
      { name: "Images", keys: [["← → ↑ ↓", "move"], ["Enter", "open"], ["x", "select"], ["Shift + x", "select up to here"], ["r", "run a pipeline on what is selected"]] },
      { name: "One image", keys: [["← → or J K", "previous, next"], ["+ −", "zoom in, out"], ["0", "fit the picture"], ["1", "one picture pixel on one screen pixel"], ["Shift + arrows", "move the picture"], ["y", "confirm"], ["x", "correct"], ["n", "blank"], ["u", "unsure"], ["m", "comment"], ["z", "undo"], ["b", "findings on or off"], ["c", "side by side on or off"], ["i", "information on or off"], ["Tab, Enter", "go through the findings, choose one"], ["Esc", "choose none, back to the images"]] },
    ] as { name: string; keys: [string, string][] }[],
  },

  signIn: {
    title: "Sign in", email: "E-mail", password: "Password", go: "Sign in",
    lost: "Signed out, or nothing set up yet? The terminal where Trapline was started prints a one-time link.",
    by: (name: string) => `Continue with ${name}`, notSignedIn: "Not signed in", back: "Back to the sign-in page",
    tagline: "From cameras in the field to verified observations.",
  },

  welcome: {
    title: "Welcome", owner: "Make the owner's account. It can do everything here, and let others in.",
    name: "Your name", email: "E-mail", password: "Password", passwordHint: "At least 10 characters.", go: "Make the account",
    signingIn: "Signing you in", signIn: "Sign in with this link", noLink: "This address carries no link.",
    expired: "Links work once and expire. Whoever gave it to you can make a new one; on the server's machine, `trapline link` does.",
    toSignIn: "Sign in with a password",
  },

  project: {
    newTitle: "New project", firstTitle: "Your first project", name: "Name", description: "Description",
    nameHint: "For example the place or the question: “Black Forest lynx”.", go: "Make the project", made: (name: string) => `Project “${name}” is made.`,
    onlyOperators: "Only operators create projects here. Ask an operator of this Trapline to create one and to add you as its owner.",
    intro: "A project holds cameras, their images and what was found on them. Members see only their own projects.",
  },

  // The other words of the first steps are loaded with them: en.first.ts.
  first: { noPipelineGo: "Connect a worker" },

  overview: {
    title: "Overview", where: "Where they are", recent: "Latest images", running: "Running now", nothingRuns: "No job runs.", sources: "Sources", noSources: "No source is polled.",
    workers: "Workers", noWorkers: "No worker has registered yet.", seeAll: "See all", found: "Found most",
    workersOnline: (online: number, all: number) => `${n(online)} of ${plural(all, "service", "services")} online`,
    silent: (count: number) => (count === 1 ? "1 camera is silent" : `${n(count)} cameras are silent`),
    failing: (count: number) => (count === 1 ? "1 source has a problem" : `${n(count)} sources have problems`), allWell: "All sources are well.",
    figures: {
      images: (count: number) => (count === 1 ? "image" : "images"), deployments: (count: number) => (count === 1 ? "deployment" : "deployments"),
      workers: (count: number) => (count === 1 ? "worker service online" : "worker services online"), jobs: (count: number) => (count === 1 ? "job running" : "jobs running"),
    },
  },

  image: {
    title: "Images", upload: "Upload", run: "Run a pipeline", export: "Export", filters: "Filters", clear: "Clear filters",
    deployment: "Deployment", class: "Class", state: "Analysis", from: "From", to: "To", confidence: "Surer than", sort: "Order",
    newest: "Newest first", oldest: "Oldest first", anyDeployment: "All deployments", anyClass: "All classes", anyState: "Any state",
    noneTitle: "No images yet", none: "Drop files anywhere on this screen, or let a source bring them.",
    noMatchTitle: "No image fits these filters", noMatch: "Take some away to see more.",
    unsure: "Less sure than what is shown", nothingFound: "Nothing found", notAnalysed: "Not analysed", newer: "Something changed here. Show it",
    selected: (count: number) => `${plural(count, "image", "images")} selected`, unselect: "Select none", select: (name: string) => `Select ${name}`,
    states: { queued: "Waiting", processing: "Being analysed", completed: "Analysed", failed: "Failed", canceled: "Canceled" } as Record<string, string>,
    dropHere: "Drop to upload", end: "That is all of them.", grid: "Images", thumbnailComing: "Thumbnail is being made",
  },

  upload: {
    title: "Upload images", deployment: "Which deployment took them?", choose: "Choose files", chooseFolder: "Choose a folder", drop: "or drop files and folders here",
    go: (count: number) => `Upload ${plural(count, "file", "files")}`, waiting: "waiting", sending: "sending", imported: "imported", duplicate: "already here", refused: "refused", failed: "failed",
    progress: (done: number, all: number) => `${n(done)} of ${plural(all, "file", "files")} sent`,
    result: (imported: number, duplicate: number, refused: number) =>
      [`${plural(imported, "image", "images")} imported.`, duplicate ? `${n(duplicate)} already here.` : "", refused ? `${plural(refused, "file", "files")} could not be taken; nothing else was affected.` : ""].filter(Boolean).join(" "),
    newDeployment: "New deployment", needDeployment: "Images belong to a deployment. Make one first.", retry: "Send the failed ones again", stop: "Stop",
    left: (count: number) => `${plural(count, "file", "files")} not sent yet.`, because: (count: number) => `${plural(count, "file", "files")}:`, more: (count: number) => `and ${n(count)} more`,
    leftOut: (count: number) => (count === 1 ? "1 file is not an image and is not uploaded:" : `${n(count)} files are not images and are not uploaded:`),
    hidden: (count: number) => (count === 1 ? "1 hidden file is not uploaded." : `${n(count)} hidden files are not uploaded.`),
    names: (names: string[], all: number) => names.join(", ") + (all > names.length ? ` and ${n(all - names.length)} more` : ""),
    leaveTitle: "Stop uploading?", leaveText: "What is imported stays. What is on its way is not stored; upload the same files again, and only what is missing is taken.", leaveGo: "Stop and close", leaveKeep: "Go on uploading",
  },

  viewer: {
    previous: "Previous image", next: "Next image", back: "Back to the images", zoomIn: "Zoom in", zoomOut: "Zoom out", fit: "Fit", actual: "Pixel for pixel",
    boxes: "Findings on the picture", confidence: "Confidence", classes: "Classes", analyses: "Analyses", found: "Found", info: "Information", exif: "EXIF",
    hidden: (count: number) => (count === 1 ? "1 more is below the slider or switched off." : `${n(count)} more are below the slider or switched off.`),
    nothing: "This analysis found nothing.", notAnalysed: "No model has looked at this image yet.", noClass: "unnamed",
    download: "Download the original", captured: "Taken", from: "Came from", file: "File", size: "Size", added: "Added", checksum: "SHA-256", deployment: "Deployment", clock: "Clock offset",
    capturedFrom: { exif: "read from EXIF", filename: "read from the file's name", modified_time: "the file's modified time", received_time: "the time it was received" } as Record<string, string>,
    fromUpload: "uploaded by hand", fromSource: "pulled from a source", clockOffset: (seconds: number) => `${seconds > 0 ? "+" : "−"}${n(Math.abs(seconds))} s added to the camera's clock`,
    noExif: "The file carries no EXIF.", picture: "The picture", showInfo: "Show information", hideInfo: "Hide information", raw: "as written", cannotShow: "The picture could not be loaded. The file is safe; try again, or download it.",
    noCameraTime: "Not the camera's time: no capture time was read, so this is the time of the file.",
    truncated: "The file ends before its image does. The missing rows are grey.",
    flags: "Flags", megapixels: (value: string) => `${value} MP`, all: "Show all",
    types: { bounding_box: "Boxes", classification: "Whole picture", heatmap: "Heatmaps", segmentation: "Outlines", mask: "Masks", keypoint: "Key points", custom: "Data" } as Record<string, string>,
    type: { bounding_box: "box", classification: "whole picture", heatmap: "heatmap", segmentation: "outline", mask: "mask", keypoint: "key points", custom: "data" } as Record<string, string>,
    kinds: "Kinds of findings", opacity: "Opacity", colourMap: "Colours", colourMaps: { viridis: "Viridis", magma: "Magma", turbo: "Turbo", jet: "Jet", grey: "Grey" } as Record<string, string>,
    heatmapOf: (name: string | null) => (name ? `Heatmap of ${name}` : "Heatmap"), coming: "is being loaded", notLoaded: "not loaded", asGiven: "As it was sent",
    cannotDraw: (why: string) => `Not drawn: ${why}`,
    odd: {
      box: "its corners are missing or the wrong way round.", format: "it is neither run lengths nor a polygon.", runs: "its run lengths are missing, empty, or do not fit their size.",
      polygon: "a polygon takes at least three points, each of two numbers.", points: "none of its key points has a place.", noFile: "its file is not in the store.",
      unreachable: "its file could not be loaded. Nothing was lost; try again.", notPicture: "its file is no picture that a browser can read.", tooLarge: "its file is too large for this browser.", emptyMask: "the mask is empty.",
    },
    restComing: (count: number) => (count === 1 ? "1 more is on its way." : `${n(count)} more are on their way.`),
    listCut: (count: number) => `${n(count)} more are on the picture but not in this list. Move the slider to see fewer.`,
    filesFailed: (count: number) => (count === 1 ? "1 file could not be loaded." : `${n(count)} files could not be loaded.`),
    outside: "outside job", stale: "Nothing was heard of its pipeline for a long time: the last was at", staleTodo: "It may have stopped; what it sent so far is shown.",
    madeBy: "How it was made", parameters: "Parameters", provenance: "Provenance",
    besideTwo: "Compare side by side", besideOne: "Beside the bare picture", oneAgain: "One picture again", sides: { left: "Left", right: "Right" }, onlyPicture: "only the picture",
    analysisName: (model: string, version: string, job: number | null, isSimulated: boolean) =>
      `${model} ${version}${job === null ? "" : `, job ${job}`}${isSimulated ? ", simulated" : ""}`,
    simulated: "Simulated", simulatedNote: "The results are invented. Exports, filters and counts leave them out.",
    changed: "What changed", nothingChanged: "Nothing changed among what is shown.",
    onlyLeft: (name: string, count: number) => `${name}${count > 1 ? ` (${n(count)})` : ""}: only on the left`, onlyRight: (name: string, count: number) => `${name}${count > 1 ? ` (${n(count)})` : ""}: only on the right`,
    renamed: (left: string, right: string) => `${left} → ${right}, in the same place`, surer: (name: string, left: string, right: string) => `${name}: ${left || "no confidence"} → ${right || "no confidence"}`,
    lost: (name: string, confidence: string) => `${[name, confidence].filter(Boolean).join(" ")}: this one is only on the left`, gained: (name: string, confidence: string) => `${[name, confidence].filter(Boolean).join(" ")}: this one is only on the right`,
    cut: (part: string) => `top ${part}`, other: "Other findings",
  },

  job: {
    title: "Jobs", start: "Start a job", noneTitle: "No job yet", none: "A job runs a pipeline over images. Start one when there are images and a worker is online.",
    noneState: "No job is in this state.", name: "Name", pipeline: "Pipeline", state: "State", progress: "Progress", rate: "Rate", left: "Time left", by: "Asked for by", started: "Started", finished: "Finished", created: "Made", priority: "Priority",
    states: { queued: "Queued", processing: "Running", completed: "Completed", failed: "Failed", canceled: "Canceled", paused: "Paused", not_started: "Not started" } as Record<string, string>,
    priorities: { low: "Low", normal: "Normal", high: "High" } as Record<string, string>,
    of: (done: number, total: number) => `${n(done)} of ${n(total)}`, ofAbout: (done: number, total: number) => `${n(done)} of about ${n(total)}`, perMinute: (rate: number) => `${rate * 60 >= 10 ? n(Math.round(rate * 60)) : (rate * 60).toFixed(1)} images/min`,
    counts: { queued: "waiting", processing: "in work", completed: "done", failed: "failed", canceled: "canceled" } as Record<string, string>,
    cancel: "Cancel", run: "Run", pause: "Pause", resume: "Resume", retry: "Take it up again", rename: "Rename", renameTitle: "Rename the job", prioritized: (name: string) => `Its priority is ${name} now.`, renamed: "The job has another name now.", cancelAsk: "Cancel this job?", cancelText: "Images that were analysed keep their results. The rest is not analysed.", cancelGo: "Cancel the job", keep: "Let it run",
    canceled: "The job is canceled.", paused: "The job is paused. Nothing new is handed out.", resumed: "The job goes on.", ran: "The job is started.", retried: "What was not done waits for a worker again.",
    history: "History", failures: "Failures", found: "Found", nothingFound: "nothing found", annotations: "annotations", growing: "still counting", standing: "takes every new image",
    noName: (slug: string, id: number) => `${slug} ${id}`, finds: (over: boolean) => (over ? "What it has found" : "What it has found so far"), noFinds: "Nothing has been found yet.",
  },

  failure: {
    none: "No image failed.", noReason: "No reason was given", noWorker: "an unknown worker", look: "Look at the image", choose: "Choose images to retry only some.", retrySome: "Retry chosen",
    sum: (images: number, reasons: number) => `${plural(images, "image", "images")} failed, for ${plural(reasons, "reason", "reasons")}. They are not tried again by themselves.`,
    retryAll: (count: number) => (count === 1 ? "Retry it" : `Retry all ${n(count)}`), retryReason: (count: number) => (count === 1 ? "Retry it" : `Retry ${n(count)}`),
    retried: (count: number) => (count === 1 ? "1 image waits for a worker again." : `${n(count)} images wait for a worker again.`),
    attempts: (count: number) => plural(count, "attempt", "attempts"), attempt: (number: number) => `${n(number)}.`, at: (time: string, took: string) => `${time}, for ${took}`, since: (time: string) => `since ${time}`,
    outcomes: { "in hand": "is in work", completed: "done", error: "failed without a word", lost: "no answer came back", evicted: "the worker was evicted", released: "the worker gave it back", unheard: "the worker never had it" } as Record<string, string>,
  },

  // The rest of the words about sources are loaded with their screens: en.sources.ts.
  source: {
    newDeployment: "New deployment…", more: "More settings", lastRun: "Last run",
    health: { ok: "OK", failing: "Failing", no_images: "No images", all_failing: "All files fail", behind: "Behind", paused: "Paused", new: "New", running: "Running" } as Record<string, string>,
    states: { seen: "waiting", imported: "imported", duplicate: "already here", skipped: "skipped", failed: "failed", quarantined: "quarantined" } as Record<string, string>,
    runStates: { running: "Running", completed: "Completed", failed: "Failed", interrupted: "Interrupted" } as Record<string, string>,
  },

  deployment: {
    title: "Deployments", add: "Add a deployment", noneTitle: "No deployment yet", none: "A deployment is one camera at one place over one period. Images belong to one.", name: "Name", nameHint: "As you call the place: “Kaltenbach ford”.", latitude: "Latitude", longitude: "Longitude", place: "Place", zone: "Time zone", clock: "Clock offset, seconds", clockHint: "Added to what the camera's clock said.", camera: "Camera", habitat: "Habitat", notes: "Notes", images: "Images", last: "Last image", go: "Add the deployment", saved: (name: string) => `Deployment “${name}” is added.`, changed: (name: string) => `Deployment “${name}” is changed.`, edit: "Change the deployment", remove: "Delete", removeAsk: "Delete this deployment?", removed: "The deployment is deleted.", removeText: "Only a deployment without images can be deleted.", badNumber: "A number in degrees, such as 48.1372.", north: "−90 to 90", east: "−180 to 180", seeImages: "See its images",
  },

  worker: {
    title: "Workers", noneTitle: "No worker has registered yet", none: "A worker is a program that runs models. It may run on any machine that reaches this server over HTTPS.", online: "Online", offline: "Offline", lastSeen: "Last seen", offers: "Offers", holds: "Holds", completed: "Completed", rate: "Rate", name: "Worker", address: "Address", onJob: "On job", connect: "Connect a worker", connectTitle: "Connect a worker", connectText: "Make a token for it, then run these commands on the machine with the models.", tokenName: "Name of the worker's machine", make: "Make a token", shownOnce: "This token is shown only now. Keep it where the worker can read it.", install: "Install, in a clone of Trapline's repository", registerStep: "Register its pipelines", runStep: "Start it", noLive: "No process of it is connected.", pipelines: "Pipelines", algorithms: "Algorithms", classes: (count: number) => plural(count, "class", "classes"), services: "Processing services", others: "Callers of no service", device: (count: number) => plural(count, "device", "devices"), done: (count: number) => `${n(count)} done`, jobHolds: (count: number, job: number) => `${n(count)} of job ${job}`, idle: "holds nothing", process: (pid: number) => `process ${pid}`, evict: "Evict",
    evictAsk: (name: string) => `Evict ${name}?`, evictText: (count: number) => (count === 0 ? "It holds nothing. Its id is refused from now on; started again, it gets a new one. Its API token stays good." : `The ${plural(count, "image", "images")} that it holds return to the queue immediately. An online worker keeps the images that it has begun, and its finished results are accepted. Its id is refused from now on; started again, it gets a new one. Its API token stays good.`),
    evicted: (count: number) => (count === 0 ? "The worker is evicted." : `The worker is evicted. ${count === 1 ? "1 image is" : `${n(count)} images are`} back in the line.`), evictGo: "Evict the worker", noPipelines: "No pipeline is registered.", version: "Version",
  },

  integration: {
    title: "Integrations", keys: "Callback keys", checker: "Signature checker", webhooks: "Webhooks", presets: "Presets", make: "Make a key", noneTitle: "No key yet",
    none: "An outside pipeline signs what it hands in. Make a key for its service, and put it into the pipeline's environment.",
    keysText: "Outside pipelines sign with these what they hand in. Each key is of one service and good for the projects named.", onlyOwners: "Only owners of the project make, rotate and revoke keys.", onlyOwnersCheck: "Only owners of the project check signatures. Ask one of them to look at the request.",
    guide: "How to sign, with programs to copy: docs/external-pipelines, which comes with Trapline, and the", sharedOff: "While the server takes the shared secret, whoever knows it can write into any analysis. Once every pipeline signs with a key of its own, let the operator switch it off:",
    key: "Key", service: "Service", name: "Name", projects: "Projects", made: "Made", used: "Last used", state: "State", actions: "Actions", active: "active", revoked: "revoked", replacing: "a newer one waits to be used", replaced: "a newer one is in use: revoke this", beside: "in use beside a newer one",
    rotate: "Rotate", rotateOne: (key: string) => `Rotate ${key}`, revoke: "Revoke", revokeOne: (key: string) => `Revoke ${key}`,
    makeTitle: "Make a callback key", serviceHint: "What runs the pipeline, such as deer-net. A new name makes a new service.", nameHint: "Where the key will be, such as the machine: so that you find it again.", makeGo: "Make the key", alsoFor: (count: number) => (count === 0 ? "Good for this project; for others, too?" : `Good for this project and ${plural(count, "other", "others")}`),
    shownOnce: "The secret is shown only now. Trapline keeps it sealed and cannot show it again.", secret: "Secret", environment: "For the pipeline's environment",
    rotateTitle: (name: string) => `Rotate “${name}”`, rotateGo: "Make the second key",
    rotateSteps: (service: string, key: string) => [`A second key for ${service} is made now. Both are good side by side, so nothing stops.`, "Put the second one into the pipeline, and let it run.", `When the second one says when it was last used, revoke ${key}.`],
    rotateLeft: (projects: string[]) => `The old key is also good for ${projects.join(", ")}, where you are no owner: the second one will not be. Ask an owner there before you revoke the old one.`,
    rotated: (key: string) => `Both keys are good now. Put this one into the pipeline, then revoke ${key}.`,
    revokeAsk: (name: string) => `Revoke “${name}”?`, revokeText: (key: string, projects: string[]) => `From now on nothing that ${key} signs is taken, in ${projects.join(", ")}. What it handed in stays. This cannot be undone.`, revokeGo: "Revoke the key", revokedToast: "The key is revoked. Nothing that it signs is taken any more.",
    checkerText: "A call was refused with 401? Paste it as it was sent, and see which part of its signature is wrong. Nothing is stored, and no secret is asked for.",
    paste: "The request", pasteHint: "A curl command, or raw HTTP with its headers and body. Only the X-ML- headers are looked at.", pasteExample: "PATCH /api/analyses/…/status HTTP/1.1\nX-ML-Timestamp: 1767225600\nX-ML-Signature: v2=…\n\n{\"status\": \"processing\"}",
    notes: {
      unread: "This reads like neither a curl command nor raw HTTP. Fill the fields below by hand.", repeated: "A header stands there more than once: the server refuses that. The first one is looked at.", variable: "A variable of the shell stands in it. Put in what was really sent.",
      file: "The body comes from a file. Paste its content into the body below.", form: "A form is sent in pieces whose bytes cannot be told from here. Callbacks take JSON.",
    } as Record<string, string>,
    byHand: "What was read from it; correct it where it is wrong", method: "Method", target: "Path and query", onlyV2: "Only in version 2.", body: "Body", bodyHint: "Byte for byte as it was sent; every space and line break counts.", signed: "What you signed", signedHint: "The text that your program puts into the HMAC: the first byte that differs is shown.", check: "Check the signature",
    result: "Result", noResult: "What is found is shown here.", holds: "The signature holds.", holdsNot: "The signature does not hold.", well: "holds", wrong: "is wrong", unseen: "Not looked at, because of what is wrong above.",
    parts: { headers: "Headers", timestamp: "Time", key: "Key", signature: "Signature" } as Record<string, string>,
    wrongSecret: "You signed the right message: so the secret is another one, or the digest is made in another way. It is the HMAC-SHA256 with the secret's text as its key, as 64 hexadecimal digits.",
    expected: "What should be signed", expectedV2: "Seven lines: the version, the time, the nonce, the method, the path, the query without its question mark, and the SHA-256 of the body; a line break between them, none at the end.", expectedV1: "The time, a dot, and the body.", serverSigns: "The server signs", youSigned: "You signed", same: "What you signed is exactly this.", end: "the end",
    differs: (byte: number, expected: string, signed: string) => `They differ from byte ${n(byte)} on: the server has ${expected} there, you have ${signed}.`, bytes: { end: "the end of the text", newline: "a line break", carriage: "a carriage return", space: "a space", tab: "a tab" },
  },

  settings: {
    title: "Settings", general: "Project", taxa: "Taxa", notices: "E-mail", onlyOwners: "The settings of the project are its owners' business. Your own are under Account.", audit: "Audit", project: "Project", automatic: "Automatic pipeline", automaticHint: "Each new image is queued for it.", noAutomatic: "None: images wait until a job is started", gap: "Gap between sequences, seconds", saved: "The settings are saved.",
    tokens: "API tokens", tokensText: "A token stands for you in scripts and workers. Who has it can do what it may.", newToken: "New token", tokenName: "Name", kind: "For", kinds: { user: "Your own scripts", worker: "A worker", pipeline: "An outside pipeline" } as Record<string, string>, expires: "Expires", inDays: (days: number) => `in ${days} days`, made: "Made", used: "Last used", revoke: "Revoke", revoked: "revoked", revokedToast: "The token is revoked.", revokeAsk: (name: string) => `Revoke “${name}”?`, revokeText: "What uses it stops working at once.", noTokens: "No token yet.", onlyThis: "Only for this project", shownOnce: "This token is shown only now.", state: "State", active: "active", expired: "expired",
  },
}
