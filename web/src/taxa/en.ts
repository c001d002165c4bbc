/** English texts of taxa. */
import { formatCount } from "../ui/en"

export const taxonTexts = {
  title: "Taxa", text: "The names that people identify with, and that the labels of models mean.", onlyManagers: "Managers and owners of the project change them.",
  noneTitle: "No taxon yet", none: "Add taxa one by one, or take in a list of species: a CSV, a table or an archive of Darwin Core, or one of GBIF's lists.", noMatchTitle: "No taxon is called so", noMatch: "Scientific names, synonyms and common names are searched.",
  taxa: (count: number) => `${formatCount(count)} ${count === 1 ? "taxon" : "taxa"}`, search: "Search by any name", clear: "Show all",
  name: "Scientific name", common: "Common names", rank: "Rank", labels: "Labels", synonymOf: (name: string) => `a synonym of ${name}`, synonyms: (names: string[]) => `also ${names.join(", ")}`,
  take: "Take a list in", taken: "The list is taken in", wrong: "This is no list of taxa",
  counts: (made: number, changed: number, same: number, refused: number) => `${formatCount(made)} made, ${formatCount(changed)} changed, ${formatCount(same)} as they were, ${formatCount(refused)} not taken.`,
  problems: "Not taken, and why", moreProblems: (count: number) => `and ${formatCount(count)} more`, ignored: (names: string[]) => `Columns that mean nothing here: ${names.join(", ")}.`,
  meanings: "What labels mean", meaningsText: "Images and findings are found by a taxon through the labels that mean it.", noLabels: "No label was found on an image yet.",
  label: "Label", images: "Images", taxon: "Taxon", means: (label: string) => `The taxon that ${label} means`, meansNone: "none", takeSuggestion: (name: string) => `Take ${name}`, takeAll: (count: number) => `Take ${count === 1 ? "the suggestion" : `all ${formatCount(count)} suggestions`}`, forget: "Take away", forgetOne: (label: string) => `Take the meaning of ${label} away`,
  mapped: (count: number) => `${formatCount(count)} ${count === 1 ? "label means" : "labels mean"} something else now.`,
  add: "Add a taxon", addGo: "Add", edit: "Change the taxon", editOne: (name: string) => `Edit ${name}`, removeOne: (name: string) => `Delete ${name}`, actions: "Actions",
  nameHint: "For example “Vulpes vulpes”, or “Vulpes” for a genus.", authorship: "Authorship", ranks: ["species", "subspecies", "genus", "family", "order", "class", "phylum", "kingdom"],
  accepted: "Synonym of", acceptedHint: "Only where another name is accepted in its place. Type a part of that name.", noSynonym: "It is no synonym", notAccepted: "not a synonym",
  commonName: "Common name", language: "Language", languageHint: "A language's code, such as en or de; und where it is not known.", addName: "Add a common name", removeName: (name: string) => `Take ${name || "this name"} away`,
  around: "Higher ranks and numbers", higher: { kingdom: "Kingdom", phylum: "Phylum", class: "Class", order: "Order", family: "Family", genus: "Genus" },
  gbif: "GBIF key", gbifHint: "Its number in GBIF's backbone.", external: "Another list's id",
  made: (name: string) => `${name} is on the list.`, saved: (name: string) => `${name} is changed.`, removed: (name: string) => `${name} is deleted.`, asItIs: "Show it as it is now",
  removeAsk: (name: string) => `Delete ${name}?`, removeText: "It goes from the list. One that a synonym, a label or an identification names cannot be deleted; say so there first.", removeGo: "Delete the taxon",
}
