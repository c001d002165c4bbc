import { choosePlural, formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const onboardingTexts: Translation<typeof en.onboardingTexts> = {
  title: "Erste Schritte",
  progress: (done, all) => `${done} von ${all} erledigt. Diese Liste verschwindet automatisch.`,
  done: "erledigt",
  account: "Ihr Konto",
  project: "Ihr Projekt",
  where: "Wo sind Ihre Kameras?",
  whereText: "Ein Standort ist eine Kamera an einem Ort während eines Zeitraums.",
  whereGo: "Standort hinzufügen",
  bring: "Bilder bereitstellen",
  bringText: "Legen Sie Dateien hier ab, oder fügen Sie eine Quelle hinzu, die Trapline abfragt.",
  bringGo: "Quelle hinzufügen",
  bringUpload: "Dateien hochladen",
  worker: "Worker verbinden",
  workerText: "Ein Worker führt die Modelle aus, auf diesem Rechner oder einem anderen.",
  workerGo: "Worker verbinden",
  workerLook: "Worker ansehen",
  workerOnline: "Ein Worker ist online.",
  workerAway: "Ein Worker ist registriert, aber keiner ist online. Zuletzt gesehen:",
  results: "Erste Ergebnisse",
  resultsText: "Wählen Sie die Pipeline, die jedes neue Bild analysiert.",
  resultsGo: "Pipeline wählen",
  resultsWait: "Ergebnisse erscheinen hier, sobald das erste Bild analysiert ist.",
  resultsJob: "Auftrag ansehen",
  choose: "Pipeline wählen",
  chooseGo: "Wählen",
  noPipeline: "Es hat noch kein Worker eine Pipeline registriert.",
  chosen: (name) => `${name} analysiert jedes neue Bild.`,
}

export const overviewTexts: Translation<typeof en.overviewTexts> = {
  where: "Karte der Standorte",
  recent: "Neueste Bilder",
  finds: "Beste Funde",
  lastImage: (age) => `letztes Bild ${age}`,
  running: "Laufende Aufträge",
  nothingRuns: "Kein Auftrag läuft.",
  sources: "Quellen",
  noSources: "Keine Quelle wird abgefragt.",
  workers: "Worker",
  noWorkers: "Es ist noch kein Worker registriert.",
  seeAll: "Alle ansehen",
  found: "Häufigste Arten",
  silent: (count) =>
    formatPlural(count, "Kamera sendet keine Bilder", "Kameras senden keine Bilder"),
  figures: {
    images: (count) => choosePlural(count, "Bild", "Bilder"),
    deployments: (count) => choosePlural(count, "Standort", "Standorte"),
    workers: (count) => choosePlural(count, "Worker-Dienst online", "Worker-Dienste online"),
    jobs: (count) => choosePlural(count, "laufender Auftrag", "laufende Aufträge"),
  },
}

export const reviewProgressTexts: Translation<typeof en.reviewProgressTexts> = {
  title: "Prüfung",
  go: "Prüfen",
  total: (reviewed, images) =>
    `${formatCount(reviewed)} von ${formatCount(images)} Bildern geprüft`,
  part: (reviewed, images) => `${formatCount(reviewed)} von ${formatCount(images)}`,
  more: (count) => `und ${formatCount(count)} weitere Standorte`,
  person: "Person",
  images: "Bilder",
  today: "Heute",
}
