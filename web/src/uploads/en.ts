/** English texts of uploads. */
import { formatCount, formatPlural } from "../ui/en"

export const uploadTexts = {
  title: "Upload images",
  deployment: "Which deployment took them?",
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
        ? `${formatPlural(refused, "file", "files")} could not be taken; nothing else was affected.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  newDeployment: "New deployment",
  needDeployment: "Images belong to a deployment. Make one first.",
  retry: "Send the failed ones again",
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
    "What is imported stays. What is on its way is not stored; upload the same files again, and only what is missing is taken.",
  leaveGo: "Stop and close",
  leaveKeep: "Go on uploading",
}
