import { formatCount, formatPlural } from "../ui/en"

export const uploadTexts = {
  title: "Upload images",
  deployment: "Deployment",
  choose: "Choose files",
  chooseFolder: "Choose a folder",
  drop: "or drop files and folders here",
  go: (count: number) => `Upload ${formatPlural(count, "file", "files")}`,
  waiting: "waiting",
  sending: "sending",
  imported: "imported",
  duplicate: "already here",
  refused: "refused",
  failed: "failed",
  progress: (done: number, all: number) =>
    `${formatCount(done)} of ${formatPlural(all, "file", "files")} sent`,
  result: (imported: number, duplicate: number, refused: number) =>
    [
      `${formatPlural(imported, "image", "images")} imported.`,
      duplicate ? `${formatCount(duplicate)} already here.` : "",
      refused
        ? `${formatPlural(refused, "file", "files")} could not be imported; nothing else was affected.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  newDeployment: "New deployment",
  needDeployment: "Images belong to a deployment. Create one first.",
  retry: "Retry failed files",
  stop: "Stop",
  left: (count: number) => `${formatPlural(count, "file", "files")} not sent yet.`,
  because: (count: number) => `${formatPlural(count, "file", "files")}:`,
  more: (count: number) => `and ${formatCount(count)} more`,
  leftOut: (count: number) =>
    count === 1
      ? "1 file is not an image and is not uploaded:"
      : `${formatCount(count)} files are not images and are not uploaded:`,
  hidden: (count: number) =>
    count === 1
      ? "1 hidden file is not uploaded."
      : `${formatCount(count)} hidden files are not uploaded.`,
  names: (names: string[], all: number) =>
    names.join(", ") + (all > names.length ? ` and ${formatCount(all - names.length)} more` : ""),
  leaveTitle: "Stop uploading?",
  leaveText:
    "Imported images are kept. Files being sent are not stored; upload the same files again to import only the missing ones.",
  leaveGo: "Stop and close",
  leaveKeep: "Continue uploading",
}
