/** The words of public projects, for their owners and for visitors. A part of the English catalogue. */

const number = new Intl.NumberFormat("en")
const plural = (count: number, one: string, many: string) => `${number.format(count)} ${count === 1 ? one : many}`

export const publicTexts = {
  // For visitors.
  banner: "You are looking at a public project. People, places and file names are withheld.",
  signIn: "Sign in", overview: "Overview", images: "Images", deployments: "Cameras", main: "Parts of the project",
  camera: (of: number) => `Camera ${number.format(of)}`, imageCount: (count: number) => plural(count, "image", "images"), cameraCount: (count: number) => plural(count, "camera", "cameras"),
  classCount: (count: number) => plural(count, "kind", "kinds"), found: "What was found", newest: "The newest images", seeAll: "See all",
  since: (from: string, to: string) => (from === to ? from : `${from} to ${to}`), noneTitle: "Nothing to see yet",
  none: "An image is shown once a model has looked at it and found nobody on it.", noneFiltered: "No image that is shown fits this.",
  anyCamera: "Any camera", anyClass: "Anything found", newestFirst: "Newest first", oldestFirst: "Oldest first", more: "Show more", last: "Last image",
  shows: "Shows", nothing: "Nothing was found on it.", taken: "Taken", by: "By", previous: "Previous image", next: "Next image", back: "All images", boxes: "Show boxes",
  goneTitle: "There is no public project here", gone: "It may have been public before. Sign in to see what you are a member of.",
  goneImageTitle: "This image is not shown", goneImage: "It may have been shown before.",
  placeWithheld: "Where the cameras stand, and what they are called, is withheld.",
  // For owners.
  title: "Who may see it", private: "Only its members see this project.", isPublic: "Anybody with the address sees this project, without an account.",
  make: "Make it public", unmake: "Make it private", look: "See what visitors see", made: "The project is public.", unmade: "The project is private again, from now on.",
  shown: (shown: string, hidden: string, newest: boolean) => `${newest ? "Of the newest 10,000 images, visitors" : "Visitors"} can see ${shown}. ${hidden} hidden.`,
  unknown: (classes: string) => `Images with these classes are hidden, because they are not known animals: ${classes}. Map them to taxa to show them.`,
  ask: "Make this project public?", askBack: "Make this project private again?", askBackText: "Visitors see nothing of it any more, at once. What somebody has saved is theirs.",
  seenTitle: "Visitors see", withheldTitle: "Withheld from them",
  seen: [
    "the name and the description of the project: look whether they name people or places",
    "images on which every name is a known animal, and blank ones, made small, with boxes, classes, date and time zone",
    "how many there are, of which classes, by cameras that are called Camera 1, Camera 2",
  ],
  withheld: [
    "images with people, vehicles or anything that is not a known animal, those not analysed yet, deleted ones, and those with the tag “private”",
    "places and names of cameras, notes, habitats, tags and stars",
    "the files that cameras wrote, with their EXIF and names",
    "members, e-mail addresses, the audit, sources, jobs, workers and all else",
  ],
  care: "A model can miss somebody, and one that knows only animals finds nobody. What the camera has printed into the picture stays in it. Look through the images first.",
}
