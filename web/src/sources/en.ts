/** English texts of pull sources. */
import { formatCount } from "../ui/en"

const files = (count: number) => `${formatCount(count)} ${count === 1 ? "file" : "files"}`

export const sourceTexts = {
  title: "Sources", add: "Add a source", edit: "Change the source",
  noneTitle: "No source yet", none: "A source is a place that cameras upload to. Trapline looks there on a schedule and takes what is new.",
  onlyManagers: "Managers and owners of the project add sources.",
  failing: (count: number) => (count === 1 ? "1 source has a problem. The others continue." : `${formatCount(count)} sources have problems. The others continue.`),

  kind: "What is it?",
  kinds: { http: "Web folder", s3: "S3", ftp: "FTP", sftp: "SFTP", folder: "Folder or card", rest: "JSON", websocket: "WebSocket" } as Record<string, string>,
  kindTexts: {
    http: "A folder that a web server lists, with its sub-folders: nginx, Apache, Caddy, lighttpd, IIS and others.",
    s3: "A bucket of AWS or of any other S3 service, or what begins with a prefix in it.",
    ftp: "A folder of an FTP server; with ftps:// or explicit TLS where the server has it.",
    sftp: "A folder of a machine that is reached over SSH, by password or by key.",
    folder: "A disk, a network share or an SD card of the machine that Trapline runs on, where its operator allows it.",
    rest: "A web interface that lists files as JSON, page by page. Say where in its answer things are.",
    websocket: "A server that says over a WebSocket when there is something new.",
  } as Record<string, string>,
  placeholders: {
    http: "https://camera.example/DCIM/", s3: "s3://bucket/prefix/", ftp: "ftp://camera.example/DCIM/", sftp: "sftp://nas.example/pictures/",
    folder: "file:///media/card/DCIM", rest: "https://portal.example/api/photos", websocket: "wss://hub.example/events",
  } as Record<string, string>,

  url: "Address", name: "Name", nameHint: "How you call it. Its address, if left empty.", deployment: "Deployment",
  auth: "Sign-in", auths: { none: "None", basic: "User and password", bearer: "Bearer token", header: "Header" } as Record<string, string>,
  user: "User", anonymous: "Empty for an anonymous sign-in.", password: "Password", bearer: "Token", header: "Header", headerHint: "The whole Authorization value, or Name: value.",
  secretSet: "Stored, and never shown again.", secretReplaced: "The stored one is replaced when you save.", secretForgotten: "It is forgotten when you save.", replace: "Replace", forget: "Forget", keep: "Keep it",
  key: "Access key", keyHint: "Empty for a public bucket.", secret: "Secret key", region: "Region", endpoint: "Endpoint", endpointHint: "Where the service is. Empty for AWS.",
  privateKey: "Private key", privateKeyHint: "In OpenSSH's or PEM form, without a passphrase. Instead of a password.",
  hostKey: "Host key", hostKeyHint: "The public key that the server must show, so that nobody can stand in for it. Leave it empty and test: the key that the server shows is offered to you.",
  hostKeyUnknown: "This server is not known yet, so nothing was sent to it.", hostKeyShown: "It shows the key below. Compare it, or its fingerprint, with what the server's owner tells you, or with ssh-keyscan localhost there.", hostKeyTake: "It is this server's: take the key over",
  mapping: "Where things are in its answer", mappingHint: "Names with dots, such as data.items; a number is a place in a list.",
  items: "List of files", itemsHint: "Empty: the answer is the list.", itemUrl: "Link to the file", itemName: "File name", itemTime: "Time", itemSize: "Size in bytes", itemEtag: "Version", nextPage: "Next page", nextPageHint: "A link or a cursor.",
  nextParameter: "Cursor goes into", nextParameterHint: "The parameter, where it is no link.", origins: "Files may also come from", originsHint: "Other servers, such as https://cdn.example, separated by commas. They never see the sign-in.",
  listingUrl: "Web folder that lists them", listingUrlHint: "Polled on schedule, so that what was missed while the connection was down is taken, too.", filesUrl: "Files lie under", filesUrlHint: "Where it is not that folder.",

  schedule: "Schedule", schedules: { "*/5 * * * *": "every 5 minutes", "*/15 * * * *": "every 15 minutes", "0 * * * *": "every hour at :00", "0 */6 * * *": "every 6 hours", "0 6 * * *": "every day at 06:00", "0 6 * * 1": "every Monday at 06:00" } as Record<string, string>,
  custom: "another (cron)", cron: "Cron expression", cronHint: "Minute, hour, day, month, weekday; in the deployment's time zone.",
  maxFiles: "Files in one run, at most", maxFilesHint: "0 is no limit.", order: "Order", orders: { oldest: "Oldest first", newest: "Newest first" } as Record<string, string>, minAge: "Leave files younger than, seconds", concurrency: "Files at once", rateLimit: "Requests a second, at most", rateLimitHint: "Empty is no limit.",
  include: "Take only", exclude: "Leave out", patternsHint: "Patterns such as *.jpg, separated by commas.", timePattern: "Time in the file's name", timePatternHint: "For example Aufnahme_YYMMDD_HHMM_*",

  test: "Test", testing: "Looking there and fetching the first pictures", testOk: "It works.", testNot: "It does not work yet.", notFetched: "not fetched",
  takenFrom: { exif: "from EXIF", filename: "from its name", modified_time: "its modified time", received_time: "its arrival" } as Record<string, string>,
  file: "File", size: "Size", moreFiles: (count: number) => `and ${files(count)} more`, nothingKept: "Nothing was stored.",
  saveGo: "Add the source", saveAnyway: "Add it all the same", saved: (name: string) => `Source “${name}” is added. Its first run begins within a minute; or run it now.`, changed: "The source is changed.",

  run: "Run now", running: "A run has begun.", pause: "Pause", resume: "Resume", paused: "The source is paused.", resumed: "The source is polled again.",
  lastRun: "Last run", nextRun: "Next run", notPlanned: "not planned", signedInAs: (user: string) => `as ${user}`, signIn: "Sign-in", noSignIn: "none",
  sick: "It is left alone for longer each time, and comes back by itself. What was taken stays.",
  goesOn: (listed: number, taken: number) => `A run goes on: ${files(listed)} listed, ${formatCount(taken)} taken so far.`, leave: "You can leave this screen.",

  files: "Files", noFiles: "It knows of no file yet.", noFilesIn: { seen: "No file waits.", imported: "Nothing was imported yet.", duplicate: "No file was here already.", skipped: "Nothing was skipped.", failed: "No file failed.", quarantined: "No file is quarantined." } as Record<string, string>,
  statesMeant: {
    seen: "Known, and taken with one of the next runs.", duplicate: "The same bytes are an image of this deployment already.", skipped: "Not taken, for the reason given. They are looked at again when they change.",
    failed: "Tried again by itself, after longer each time.", quarantined: "Given up after several tries. They stay here until you let them be tried again.",
  } as Record<string, string>,
  why: "Why", state: "State", modified: "Modified", attempts: (count: number) => (count === 1 ? "1 try" : `${formatCount(count)} tries`), triedAgain: "Tried again",
  retryAll: (count: number) => (count === 1 ? "Try it again" : `Try all ${formatCount(count)} again`), retryOne: "Try again", retryFile: (path: string) => `Try ${path} again`,
  retried: (count: number) => (count === 1 ? "1 file is taken with the next run. Run now takes it at once." : `${formatCount(count)} files are taken with the next run. Run now takes them at once.`),

  unlisted: (count: number) => `${count} ${count === 1 ? "folder" : "folders"} cannot be listed`, leftOut: (count: number, reason: string) => `Left out: ${count} ${reason}`,
  runs: "Runs", noRuns: "It has not run yet. Run now, or wait for its schedule.", begun: "Begun", listed: "Listed", new: "New", imported: "Imported", duplicate: "Already here", skipped: "Skipped", failed: "Failed", bytes: "Bytes", took: "Took",
  triggers: { schedule: "by schedule", manual: "by hand", resumed: "taken up again", event: "by an event", backlog: "files waiting" } as Record<string, string>, remaining: (count: number) => `${formatCount(count)} left for the next run`,
  pushed: {
    title: "Pushed events", make: "Make a secret", rotate: "Rotate the secret", end: "End pushed events",
    off: "A server that knows of new files can tell Trapline at once, instead of waiting for the next run. Make a secret for it: it signs what it tells.",
    on: "A server that signs with the secret can tell of new files: addresses under this source's, or notifications of an S3 service. Each is signed by the Standard Webhooks convention; docs/how-to/notify-of-new-images.md, which comes with Trapline, shows how.",
    onlyOwners: "Only owners of the project make, rotate and end the secret.",
    address: "Post them to", secret: "Secret", shownOnce: "The secret is shown only now. Put it where the events are sent from.", both: "The secret before it holds, too, until",
    rotateAsk: "Rotate the secret?", rotateText: "A new one is made and shown once. The one before holds for another day, so nothing stops.", rotateGo: "Make the new secret",
    endAsk: "End pushed events?", endText: "What is signed with the secret is refused from now on. The source is polled on its schedule as before.", ended: "No events are taken any more.",
  },
  remove: "Delete the source", removeAsk: "Delete this source?", removeText: "Its images stay. What it remembers of its files is forgotten.", removed: "The source is deleted. Its images stay.",
}

export const sourceStateTexts = {
lastRun: "Last run",
health: { ok: "OK", failing: "Failing", no_images: "No images", all_failing: "All files fail", behind: "Behind", paused: "Paused", new: "New", running: "Running" } as Record<string, string>,
states: { seen: "waiting", imported: "imported", duplicate: "already here", skipped: "skipped", failed: "failed", quarantined: "quarantined" } as Record<string, string>,
runStates: { running: "Running", completed: "Completed", failed: "Failed", interrupted: "Interrupted" } as Record<string, string>,
}

/** Text of the folders that operators grant to projects. A part of the English catalogue. */

export const sourceFolderTexts = {
  title: "Source folders",
  text: "Folders of the server's machine that a project's sources may read. Only operators grant them.",
  path: "Folder", pathHint: "Absolute path on the server's machine, such as /media/cards. It must lie below TRAPLINE_SOURCE_FOLDERS.",
  project: "Project", grant: "Grant folder", granted: (path: string) => `${path} granted.`,
  revoke: "Revoke", revokeOf: (path: string) => `Revoke ${path}`, revokeAsk: (path: string) => `Revoke ${path}?`,
  revokeText: "Sources that read this folder pause. Their images are kept.", revoked: "Folder revoked.",
  none: "No folder is granted.",
  missing: "Sources whose folder is not granted", missingText: "They do not run. Grant the folder, then resume the source.",
}
