import { formatCount, formatPlural } from "../ui/en"

export const navigationTexts = {
  overview: "Overview",
  images: "Images",
  review: "Review",
  reviewSets: "Review sets",
  disagreement: "Disagreement",
  sequences: "Sequences",
  insights: "Insights",
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
  running: (count: number) => formatPlural(count, "job running", "jobs running"),
  failing: (count: number) =>
    count === 1 ? "1 source has a problem" : `${formatCount(count)} sources have problems`,
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
