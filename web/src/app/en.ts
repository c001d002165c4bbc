import { formatPlural } from "../ui/en"

export const navigationTexts = {
  overview: "Overview",
  images: "Images",
  review: "Review",
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
  notLive: "Not live: refreshing every few seconds",
  account: "Your account",
  signOut: "Sign out",
  theme: "Colours",
  themes: { auto: "System default", light: "Light", dark: "Dark" } as Record<string, string>,
  keys: "Keyboard shortcuts",
  projects: "Project",
  newProject: "New project",
  apiDocs: "API documentation",
  running: (count: number) => formatPlural(count, "job runs", "jobs run"),
  archived:
    "This project is archived and read-only. Its sources pause, and its jobs wait. An owner can unarchive it in the",
  archivedWhere: "settings",
}

export const searchTexts = {
  label: "Go to",
  placeholder: "Go to a class, deployment, job…",
  nothing: "No results.",
  kinds: {
    screen: "Screen",
    class: "Class",
    deployment: "Deployment",
    source: "Source",
    job: "Job",
  } as Record<string, string>,
}

export const shortcutTexts = {
  title: "Keyboard shortcuts",
  groups: [
    {
      name: "Everywhere",
      keys: [
        ["?", "show keyboard shortcuts"],
        ["/", "search"],
        ["g then o", "overview"],
        ["g then i", "images"],
        ["g then v", "review"],
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
        ["r", "run a pipeline on the selected images"],
      ],
    },
    {
      name: "One image",
      keys: [
        ["← → or J K", "previous, next"],
        ["+ −", "zoom in, out"],
        ["0", "fit the image"],
        ["1", "one image pixel per screen pixel"],
        ["Shift + arrows", "move the image"],
        ["y", "confirm"],
        ["x", "correct"],
        ["n", "blank"],
        ["u", "unsure"],
        ["m", "comment"],
        ["z", "undo"],
        ["b", "findings on or off"],
        ["o", "observations or model output"],
        ["c", "side by side on or off"],
        ["i", "information on or off"],
        ["Tab, Enter", "next finding, select it"],
        ["Esc", "clear the selection, back to the images"],
      ],
    },
  ] as { name: string; keys: [string, string][] }[],
}
