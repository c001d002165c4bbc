/** The words of what people note on images: stars, tags, capture times, deletion. A part of the English catalogue. */

const number = new Intl.NumberFormat("en")
const images = (count: number) => `${number.format(count)} ${count === 1 ? "image" : "images"}`

export const imageTexts = {
  star: "Star", unstar: "Take the star away", starred: "Starred", anyStar: "Starred or not", onlyStarred: "Starred only", notStarred: "Without a star",
  tag: "Tag", tags: "Tags", anyTag: "Any tag", addTag: "Put on", tagHint: "One word or a few. Several are parted by commas.", known: "In use here",
  noTags: "No tags", removeTag: (tag: string) => `Take off ${tag}`, tagTitle: (count: number) => `Tag ${images(count)}`, takeOff: "Take off",
  time: "Move time", timeTitle: (count: number) => `Move the capture time of ${images(count)}`, timeHint: "What was read from the files is kept and can be given back at any time.",
  later: "Later", earlier: "Earlier", direction: "Direction", days: "Days", hours: "Hours", minutes: "Minutes", seconds: "Seconds", timeGo: "Move", asRead: "Give back what was read",
  editTime: "Edit", editTitle: "Edit the capture time", editLabel: (zone: string) => `Taken (${zone})`, wasRead: (time: string) => `Edited by hand. Read was: ${time}`, save: "Save",
  remove: "Delete", removeTitle: (count: number) => `Delete ${images(count)}?`, reason: "Why?", reasonHint: "It is kept with the images and in the audit.",
  removeText: "They leave the lists, the counts and the line of jobs at once. For some time they can be restored; then they go for good, with everything found on them.",
  reasons: ["Shows a person", "Broken or unreadable", "Test or set-up", "Belongs elsewhere"], otherReason: "Another reason", ownReason: "In your words",
  restore: "Restore", undo: "Undo", shown: "Deleted", present: "Not deleted", deleted: "Deleted",
  noneDeletedTitle: "Nothing is deleted", noneDeleted: "Deleted images are kept here until they go for good.",
  isDeleted: "This image is deleted.", deletedBecause: (reason: string, by: string | null) => `${reason}${by ? ` — ${by}` : ""}`, goneAt: "It goes for good",
  done: {
    starred: (count: number) => `${images(count)} starred.`, unstarred: (count: number) => `The star is gone from ${images(count)}.`,
    tagged: (count: number) => `${images(count)} tagged.`, untagged: (count: number) => `The tag is off ${images(count)}.`,
    moved: (count: number) => `The time of ${images(count)} was changed.`, removed: (count: number) => `${images(count)} deleted.`, restored: (count: number) => `${images(count)} restored.`,
  },
  more: "More",
}
