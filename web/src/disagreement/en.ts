import { formatImages } from "../images/en"

export const disagreementTexts = {
  title: "Disagreement",
  intro:
    "Images that two models, models and people, or two people answered. Press a number to review exactly these images.",
  pair: "Compare",
  pairName: (a: string, b: string, open: string) => `${a} with ${b}: ${open} open`,
  kinds: {
    models: "Model with model",
    model_people: "Model with people",
    people: "Person with person",
  } as Record<string, string>,
  open: "Only open differences",
  openHint: "An open difference has no decision of a person after both answers.",
  sums: (images: number, differ: number, open: number) =>
    `${formatImages(images)} answered by both: ${formatImages(differ)} with different answers, ${formatImages(open)} open.`,
  caption: (a: string, b: string) => `Rows: ${a}. Columns: ${b}. Number of images in each cell.`,
  cell: (a: string, answerA: string, b: string, answerB: string, images: number) =>
    `${a}: ${answerA}, ${b}: ${answerB}, ${formatImages(images)}`,
  blank: "Blank",
  leftOut: (images: number) => `${formatImages(images)} with rarer answers are not shown.`,
  agree: "Same answer",
  differ: "Different answers",
  reviewOpen: (open: string) => `Review ${open} open`,
  noneTitle: "Nothing to compare yet",
  none: "Two models, or a model and a person, must answer the same images.",
  noMatchTitle: "No image matches these filters",
  noMatch: "Both sources answered no image of these filters.",
  noOpenTitle: "No open difference",
  noOpen: "A person has decided about all images with different answers.",
}
