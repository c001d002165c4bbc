import { formatImages } from "../images/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const disagreementTexts: Translation<typeof en.disagreementTexts> = {
  title: "Abweichungen",
  intro:
    "Bilder mit Antworten von zwei Modellen, von Modellen und Menschen oder von zwei Personen. Drücken Sie auf eine Zahl, um genau diese Bilder zu prüfen.",
  pair: "Vergleichen",
  pairName: (a, b, open) => `${a} mit ${b}: ${open} offen`,
  kinds: {
    models: "Modell mit Modell",
    model_people: "Modell mit Menschen",
    people: "Person mit Person",
  },
  open: "Nur offene Abweichungen",
  openHint: "Eine Abweichung ist offen, solange nach beiden Antworten niemand entschieden hat.",
  sums: (images, differ, open) =>
    `${formatImages(images)} mit Antworten von beiden: ${formatImages(differ)} mit verschiedenen Antworten, ${formatImages(open)} offen.`,
  caption: (a, b) => `Zeilen: ${a}. Spalten: ${b}. Anzahl der Bilder je Zelle.`,
  cell: (a, answerA, b, answerB, images) =>
    `${a}: ${answerA}, ${b}: ${answerB}, ${formatImages(images)}`,
  blank: "Leer",
  leftOut: (images) => `Ohne Zelle: ${formatImages(images)} mit selteneren Antworten.`,
  agree: "Gleiche Antwort",
  differ: "Verschiedene Antworten",
  reviewOpen: (open) => `${open} offene prüfen`,
  noneTitle: "Noch nichts zu vergleichen",
  none: "Zwei Modelle oder ein Modell und eine Person müssen dieselben Bilder beantworten.",
  noMatchTitle: "Kein Bild passt zu diesen Filtern",
  noMatch: "Zu keinem Bild dieser Filter gibt es Antworten von beiden.",
  noOpenTitle: "Keine offene Abweichung",
  noOpen: "Über alle Bilder mit verschiedenen Antworten hat jemand entschieden.",
}
