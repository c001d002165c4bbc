/** The words for folders of imported files: a part of the English catalogue. */
const number = new Intl.NumberFormat("en")

export const importFolderTexts = {
  title: "Folders without a match", text: "Entries in these folders match no image, or several. Assign each folder to its deployment; the file is then read again, and stored results stay.",
  tooLate: "Entries in these folders match no image, or several. Managers and owners can assign them to deployments for 7 days.", cut: "Only the first 10,000 faults were searched for folders.",
  notCompared: "There are too many folders and deployments to compare all names: some nearest names are missing.",
  none: "Not assigned", nearest: "Nearest names", others: "Other deployments", go: "Assign and read again",
  entries: (count: number) => `${number.format(count)} ${count === 1 ? "entry" : "entries"}`,
}
