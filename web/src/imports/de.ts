import type { ImportFormat } from "../api/types"
import { formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

const formats: Record<ImportFormat, [name: string, what: string]> = {
  megadetector: [
    "MegaDetector-Ergebnisse",
    "Die JSON-Datei von MegaDetector, Timelapse oder AddaxAI.",
  ],
  speciesnet: [
    "SpeciesNet-Vorhersagen",
    "Die JSON-Datei, die SpeciesNet schreibt, in alter und neuer Form.",
  ],
  coco: [
    "COCO",
    "Eine JSON-Datei von COCO oder COCO Camera Traps: Rahmen, Umrisse und Schlüsselpunkte.",
  ],
  "camtrap-dp": [
    "Camtrap DP",
    "Ein ZIP mit Standorten, Medien und Beobachtungen, von Modellen und von Menschen.",
  ],
}

const entries = (count: number) => formatPlural(count, "Eintrag", "Einträge")
const haveResults = (count: number) =>
  formatPlural(count, "Bild hat neue Ergebnisse", "Bilder haben neue Ergebnisse")

export const importTexts: Translation<typeof en.importTexts> = {
  title: "Importe",
  newImport: "Neuer Import",
  go: "Importieren",
  text: "Ergebnisse anderer Programme, aus einer Datei importiert. Die Bilder müssen schon im Projekt sein: Sie werden über Pfad oder Namen zugeordnet.",
  onlyManagers: "Nur die Rollen Verwalter und Eigentümer importieren.",
  noneTitle: "Noch kein Import",
  none: "Importieren Sie die Ergebnisse eines anderen Programms, um sie anzusehen, zu prüfen und zu exportieren.",
  formats,
  format: "Format",
  file: "Die Datei",
  choose: "Datei wählen",
  drop: "oder hier ablegen",
  another: "Andere Datei wählen",
  selection: "Bilder",
  everywhere: "Alle Bilder des Projekts",
  options: "Optionen",
  modelName: "Name des Modells",
  modelVersion: "Version des Modells",
  modelHint: "Wenn leer, gilt der Wert der Datei.",
  confidence: "Mindestkonfidenz",
  nothingIsBlank: "Bilder ohne Annotationen als leer behandeln",
  nothingIsBlankHint: "Sonst gelten sie als nicht analysiert.",
  sending: (part) => `Datei wird gesendet: ${part}`,
  stop: "Anhalten",
  noFile: "Wählen Sie zuerst eine Datei.",
  states: {
    queued: "Wartet",
    reading: "Wird gelesen",
    completed: "Fertig",
    failed: "Fehlgeschlagen",
    canceled: "Abgebrochen",
  },
  queued: "Er beginnt, wenn die Importe davor fertig sind.",
  reading: (done, of) =>
    of === null
      ? "Die Datei wird durchgesehen."
      : `${formatCount(done)} von ${formatPlural(of, "Eintrag", "Einträgen")} gelesen.`,
  leave: "Sie können diese Seite verlassen: Der Import läuft weiter und steht unter Importe.",
  progress: "Fortschritt",
  cancel: "Abbrechen",
  canceled: "Import abgebrochen. Importierte Ergebnisse bleiben erhalten.",
  wasCanceled:
    "Der Import wurde abgebrochen. Bis dahin importierte Ergebnisse bleiben erhalten; importieren Sie dieselbe Datei erneut, um fortzufahren.",
  failed: "Die Datei konnte nicht vollständig gelesen werden.",
  same: "Wird dieselbe Datei erneut importiert, wird nichts doppelt gespeichert.",
  remove: "Löschen",
  removeOne: (name) => `Import von ${name} löschen`,
  removeAsk: "Diesen Import löschen?",
  removeText:
    "Der Import und seine Liste von Problemen werden gelöscht. Importierte Ergebnisse bleiben erhalten.",
  removeGo: "Import löschen",
  removed: "Import gelöscht. Importierte Ergebnisse bleiben erhalten.",
  counts: "Ergebnis",
  stored: "Bilder mit neuen Ergebnissen",
  annotations: "Erkennungen",
  identifications: "Bestimmungen durch Menschen",
  deployments: "Standorte",
  unchanged: "Bereits importiert",
  modelFailures: "Bilder, bei denen das Modell gescheitert war",
  leftOut: "Übersprungen",
  unknown: "Bild nicht gefunden",
  ambiguous: "Mehrere passende Bilder",
  invalid: "Ungültig",
  all: (stored) => `Import abgeschlossen: ${haveResults(stored)}.`,
  some: (stored, faults) =>
    `${haveResults(stored)}. ${formatPlural(faults, "Problem ist", "Probleme sind")} unten aufgeführt; alles andere wurde importiert.`,
  nothingNew: "Alles in dieser Datei war bereits importiert.",
  hint: {
    unknown:
      "Wurden diese Bilder unter denselben Namen hochgeladen? Laden Sie sie hoch, und importieren Sie dieselbe Datei dann erneut.",
    ambiguous:
      "Mehrere Bilder haben diese Namen. Importieren Sie die Datei für einen Standort, oder laden Sie die Bilder mit den Ordnern hoch, die die Datei nennt.",
  },
  faults: "Probleme",
  kinds: { wrong: "falsch", unknown: "nicht gefunden", ambiguous: "mehrere passen" },
  place: "Stelle",
  image: "Bild",
  why: "Grund",
  cut: (most) => `Die ersten ${formatCount(most)} sind aufgeführt; gezählt sind alle.`,
  seeImages: "Bilder ansehen",
  about: "Details",
  of: "Für",
  asked: "Gesendet",
  took: "Gelesen in",
  size: "Größe",
}

export const importFolderTexts: Translation<typeof en.importFolderTexts> = {
  title: "Ordner ohne Treffer",
  text: "Einträge in diesen Ordnern passen zu keinem Bild oder zu mehreren. Ordnen Sie jeden Ordner seinem Standort zu; dann wird die Datei erneut gelesen, und gespeicherte Ergebnisse bleiben.",
  tooLate:
    "Einträge in diesen Ordnern passen zu keinem Bild oder zu mehreren. Die Rollen Verwalter und Eigentümer können sie 7 Tage lang Standorten zuordnen.",
  cut: "Nur die ersten 10.000 Fehler wurden nach Ordnern durchsucht.",
  notCompared:
    "Es gibt zu viele Ordner und Standorte, um alle Namen zu vergleichen: Einige ähnliche Namen fehlen.",
  none: "Nicht zugeordnet",
  nearest: "Ähnlichste Namen",
  others: "Andere Standorte",
  go: "Zuordnen und erneut lesen",
  entries,
}

export const exchangeTexts: Translation<typeof en.exchangeTexts> = {
  exports: "Exporte",
  imports: "Importe",
  deletedDeployment: "gelöschter Standort",
  checksum: "SHA-256",
}
