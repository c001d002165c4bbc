/** English texts of projects, members, settings and the audit. */
import { formatPlural } from "../ui/en"

export const settingsTexts = {
  title: "Settings",
  general: "Project",
  taxa: "Taxa",
  notices: "E-mail",
  onlyOwners: "The settings of the project are its owners' business. Your own are under Account.",
  audit: "Audit",
  project: "Project",
  automatic: "Automatic pipeline",
  automaticHint: "Each new image is queued for it.",
  noAutomatic: "None: images wait until a job is started",
  gap: "Gap between sequences, seconds",
  saved: "The settings are saved.",
  members: "Members",
  account: "Account",
  people: "People",
}

export const projectTexts = {
  newTitle: "New project",
  firstTitle: "Your first project",
  name: "Name",
  description: "Description",
  nameHint: "For example the place or the question: “Black Forest lynx”.",
  go: "Make the project",
  made: (name: string) => `Project “${name}” is made.`,
  onlyOperators:
    "Only operators create projects here. Ask an operator of this Trapline to create one and to add you as its owner.",
  intro:
    "A project holds cameras, their images and what was found on them. Members see only their own projects.",
}

export const memberTexts = {
  add: "Add a member",
  addGo: "Give the role",
  addHint: "They need an account. An operator of this Trapline invites people.",
  addHintOperator: "They need an account: invite them under People first.",
  added: (email: string) => `${email} has a role here now.`,
  alone: "You are alone here. Add a member, so that others see what you see.",
  changed: "The role is changed.",
  count: (count: number) => formatPlural(count, "member", "members"),
  email: "E-mail",
  leave: "Leave",
  leaveAsk: "Leave this project?",
  leaveText: "You see nothing of it any more. An owner can give you a role again.",
  may: {
    viewer: "sees",
    reviewer: "also says what is on images",
    manager: "also adds images, sources, runs and exports",
    owner: "also gives roles, keeps secrets, and deletes images and the project",
  } as Record<string, string>,
  members: "Members",
  membersText: "Who has a role in this project. Each role may do what those before it may.",
  notYours: "An owner gives roles and takes them away.",
  remove: "Remove",
  removeAsk: (name: string) => `Remove ${name} from the project?`,
  removeOf: (name: string) => `Remove ${name}`,
  removeText: "They see nothing of it any more, at once. What they did stays.",
  removed: "The role is taken away.",
  role: "Role",
  roleOf: (name: string) => `Role of ${name}`,
  roles: { viewer: "Viewer", reviewer: "Reviewer", manager: "Manager", owner: "Owner" } as Record<
    string,
    string
  >,
  states: { invited: "invited", active: "active", deactivated: "deactivated" } as Record<
    string,
    string
  >,
  unnamed: "No name yet",
  you: "you",
}

export const projectEndTexts = {
  images: (count: number) => formatPlural(count, "image", "images"),
  archive: "Archive",
  archiveText:
    "An archived project is only looked at: changes are refused, its sources pause, and none of its tasks is handed out until it is taken out of the archive. Exports can still be made.",
  archived: "The project is archived.",
  deleteGo: "Delete the project",
  deleteName: (name: string) => `Its name, “${name}”, so that it is no other`,
  deleteText:
    "Nobody sees it any more, and its sources and webhooks pause. For some time it can be restored; then it goes for good, with all its images and everything found on them.",
  deleteTitle: "Delete the project",
  deleted: (name: string) => `“${name}” is deleted. It can be restored for some time.`,
  deletedText: "They can be restored until they go for good.",
  deletedTitle: "Deleted projects",
  endTitle: "When the project is over",
  goneAfter: "Goes for good",
  restore: "Restore",
  restoreOf: (name: string) => `Restore ${name}`,
  restored: (name: string) => `“${name}” is back.`,
  unarchive: "Take out of the archive",
  unarchived: "The project is out of the archive.",
}

export const publicAccessTexts = {
  images: (count: number) => formatPlural(count, "image", "images"),
  made: "The project is public.",
  unmade: "The project is private again, from now on.",
  unmake: "Make it private",
  make: "Make it public",
  title: "Who may see it",
  isPublic: "Anybody with the address sees this project, without an account.",
  private: "Only its members see this project.",
  shown: (shown: string, hidden: string, newest: boolean) =>
    `${newest ? "Of the newest 10,000 images, visitors" : "Visitors"} can see ${shown}. ${hidden} hidden.`,
  unknown: (classes: string) =>
    `Images with these classes are hidden, because they are not known animals: ${classes}. Map them to taxa to show them.`,
  look: "See what visitors see",
  askBack: "Make this project private again?",
  ask: "Make this project public?",
  askBackText: "Visitors see nothing of it any more, at once. What somebody has saved is theirs.",
  seenTitle: "Visitors see",
  seen: [
    "the name and the description of the project: look whether they name people or places",
    "images on which every name is a known animal, and blank ones, made small, with boxes, classes, date and time zone",
    "how many there are, of which classes, by cameras that are called Camera 1, Camera 2",
  ],
  withheldTitle: "Withheld from them",
  withheld: [
    "images with people, vehicles or anything that is not a known animal, those not analysed yet, deleted ones, and those with the tag “private”",
    "places and names of cameras, notes, habitats, tags and stars",
    "the files that cameras wrote, with their EXIF and names",
    "members, e-mail addresses, the audit, sources, jobs, workers and all else",
  ],
  care: "A model can miss somebody, and one that knows only animals finds nobody. What the camera has printed into the picture stays in it. Look through the images first.",
}

export const integrationTabTexts = {
  title: "Integrations",
  keys: "Callback keys",
  checker: "Signature checker",
  webhooks: "Webhooks",
  presets: "Presets",
}
