/** English texts of the frame around the screens. */
import { formatPlural } from "../ui/en"

export const navigationTexts = {
  overview: "Overview",
  images: "Images",
  jobs: "Jobs",
  sources: "Sources",
  deployments: "Deployments",
  exports: "Exports",
  imports: "Imports",
  workers: "Workers",
  integrations: "Integrations",
  settings: "Settings",
  more: "More",
  skip: "Skip to the content",
  main: "Main",
  live: "Live",
  notLive: "Not live: asking every few seconds",
  account: "Your account",
  signOut: "Sign out",
  theme: "Colours",
  themes: { auto: "As the system", light: "Light", dark: "Dark" } as Record<string, string>,
  keys: "Keys",
  projects: "Project",
  newProject: "New project",
  apiDocs: "API documentation",
  running: (count: number) => formatPlural(count, "job runs", "jobs run"),
  archived:
    "This project is archived: it is only looked at. Its sources pause, and its jobs wait. An owner takes it out of the archive in the",
  archivedWhere: "settings",
}

export const searchTexts = {
  label: "Go to",
  placeholder: "Go to a class, deployment, job…",
  nothing: "Nothing is called that.",
  kinds: {
    screen: "Screen",
    class: "Class",
    deployment: "Deployment",
    source: "Source",
    job: "Job",
  } as Record<string, string>,
}

export const shortcutTexts = {
  title: "Keys",
  groups: [
    {
      name: "Everywhere",
      keys: [
        ["?", "show these keys"],
        ["/", "search"],
        ["g then o", "overview"],
        ["g then i", "images"],
        ["g then j", "jobs"],
        ["g then s", "sources"],
        ["g then d", "deployments"],
        ["g then w", "workers"],
        ["Esc", "close what is open"],
      ],
    },
    {
      name: "Images",
      keys: [
        ["← → ↑ ↓", "move"],
        ["Enter", "open"],
        ["x", "select"],
        ["Shift + x", "select up to here"],
        ["r", "run a pipeline on what is selected"],
      ],
    },
    {
      name: "One image",
      keys: [
        ["← → or J K", "previous, next"],
        ["+ −", "zoom in, out"],
        ["0", "fit the picture"],
        ["1", "one picture pixel on one screen pixel"],
        ["Shift + arrows", "move the picture"],
        ["y", "confirm"],
        ["x", "correct"],
        ["n", "blank"],
        ["u", "unsure"],
        ["m", "comment"],
        ["z", "undo"],
        ["b", "findings on or off"],
        ["c", "side by side on or off"],
        ["i", "information on or off"],
        ["Tab, Enter", "go through the findings, choose one"],
        ["Esc", "choose none, back to the images"],
      ],
    },
  ] as { name: string; keys: [string, string][] }[],
}
