import { formatPlural } from "../ui/en"

export const settingsTexts = {
  title: "Settings",
  general: "Project",
  observations: "Observations",
  taxa: "Taxa",
  sensitiveTaxa: "Sensitive taxa",
  notices: "E-mail",
  onlyOwners:
    "Only owners change the settings of the project. Your own settings are under Account.",
  audit: "Audit",
  project: "Project",
  automatic: "Automatic pipeline",
  automaticHint: "Each new image is queued for it.",
  noAutomatic: "None: images wait until a job is started",
  gap: "Gap between sequences, seconds",
  shapes: "Shapes to draw",
  shapeNames: { box: "Boxes", point: "Points", polygon: "Polygons" },
  shapesHint: "The review and the viewer offer these shapes. Stored shapes are always shown.",
  saved: "Settings saved.",
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
  go: "Create project",
  made: (name: string) => `Project “${name}” created.`,
  onlyOperators:
    "Only operators create projects here. Ask an operator of this Trapline to create one and to add you as its owner.",
  intro:
    "A project contains deployments, their images and the findings on them. Members see only their own projects.",
}

export const memberTexts = {
  add: "Add member",
  addGo: "Add",
  addHint: "The user needs an account. An operator of this server invites users.",
  addHintOperator: "The user needs an account: send an invitation under People first.",
  added: (email: string) => `${email} added.`,
  alone: "You are the only member. Add members to share this project.",
  changed: "Role changed.",
  count: (count: number) => formatPlural(count, "member", "members"),
  email: "E-mail",
  leave: "Leave",
  leaveAsk: "Leave this project?",
  leaveText: "You lose access to this project. An owner can add you again.",
  may: {
    viewer: "sees",
    reviewer: "also reviews images",
    manager: "also adds images, sources, runs and exports",
    owner: "also manages members and secrets, and deletes images and the project",
  } as Record<string, string>,
  members: "Members",
  membersText: "Members of this project. Each role has the permissions of the roles before it.",
  notYours: "Owners manage members.",
  remove: "Remove",
  removeAsk: (name: string) => `Remove ${name} from the project?`,
  removeOf: (name: string) => `Remove ${name}`,
  removeText: "They lose access immediately. Their work is kept.",
  removed: "Member removed.",
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
    "An archived project is read-only: its sources pause, and its tasks wait until the project is unarchived. Exports can still be created.",
  archived: "Project archived.",
  deleteGo: "Delete project",
  deleteName: (name: string) => `Type the name of the project, “${name}”, to confirm`,
  deleteText:
    "The project is hidden, and its sources and webhooks pause. It can be restored for some time; then it is deleted permanently, with all its images and findings.",
  deleteTitle: "Delete project",
  deleted: (name: string) => `“${name}” deleted. It can be restored for some time.`,
  deletedText: "Deleted projects can be restored until they are deleted permanently.",
  deletedTitle: "Deleted projects",
  endTitle: "Archive or delete",
  deletedAfter: "Deleted permanently",
  restore: "Restore",
  restoreOf: (name: string) => `Restore ${name}`,
  restored: (name: string) => `“${name}” restored.`,
  unarchive: "Unarchive",
  unarchived: "Project unarchived.",
}

export const publicAccessTexts = {
  images: (count: number) => formatPlural(count, "image", "images"),
  made: "Project is public.",
  unmade: "Project is private.",
  unmake: "Make private",
  makePublic: "Make public",
  title: "Visibility",
  isPublic: "Anyone with the URL can see this project, without an account.",
  private: "Only members can see this project.",
  shown: (shown: string, hidden: string, newest: boolean) =>
    `${newest ? "Of the newest 10,000 images, visitors" : "Visitors"} can see ${shown}. ${hidden} hidden.`,
  unknown: (classes: string) =>
    `Images with these classes are hidden, because they are not known animals: ${classes}. Map them to taxa to show them.`,
  look: "View as visitor",
  askBack: "Make this project private again?",
  ask: "Make this project public?",
  askBackText: "Visitors lose access immediately. Files that they saved are not affected.",
  seenTitle: "Visitors see",
  seen: [
    "the name and the description of the project: check that they do not name people or places",
    "images on which every class is a known animal, and blank images, reduced in size, with boxes, classes, date and time zone",
    "the number of images of each class, by cameras named Camera 1, Camera 2",
  ],
  withheldTitle: "Visitors do not see",
  withheld: [
    "images with people, vehicles or anything that is not a known animal, those not analysed yet, deleted ones, and those with the tag “private”",
    "locations, names and all other fields of cameras, tags and stars",
    "the original files, with their EXIF and names",
    "members, e-mail addresses, the audit, sources, jobs, workers and everything else",
  ],
  care: "A model can miss a person, and a model that knows only animals finds no people. Text that the camera printed into the image is visible. Check the images first.",
}

export const integrationTabTexts = {
  title: "Integrations",
  keys: "Callback keys",
  checker: "Signature checker",
  webhooks: "Webhooks",
  presets: "Presets",
}
