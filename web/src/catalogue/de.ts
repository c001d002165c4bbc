import { formatImages } from "../images/de"
import { formatCount } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const timeTexts: Translation<typeof en.timeTexts> = {
  rail: "Durch die Zeit bewegen",
  withoutCameraTime: (images) => `${images} ohne Kamerazeit: Es gilt die Zeit der Datei.`,
  perDay: "Bilder pro Tag",
  perMonth: "Bilder pro Monat",
  byHour: "Aktivität nach Tageszeit",
  hour: (hour, images) =>
    `${String(hour).padStart(2, "0")}:00 bis ${String(hour).padStart(2, "0")}:59, ${images}`,
  day: (day, images, blank) => `${day}: ${images}, davon leer: ${blank}`,
  behind: "Neue Bilder werden gezählt.",
}

export const gridTexts: Translation<typeof en.gridTexts> = {
  countOf: (count, all) => `${count} von ${all}`,
  more: "Weitere Aktionen",
  order: "Reihenfolge",
  orders: { "": "Neueste zuerst", captured_at: "Älteste zuerst" },
}

export const filterTexts: Translation<typeof en.filterTexts> = {
  add: "Filter",
  menu: "Filter hinzufügen",
  search: "Filter suchen",
  searchIn: (name) => `Suchen: ${name}`,
  chips: "Gesetzte Filter",
  remove: (name, value) => `Filter ${name}${value ? `: ${value}` : ""} entfernen`,
  back: "Alle Filter",
  apply: "Anwenden",
  chosen: "ausgewählt",
  loading: "Wird geladen",
  noOption: "Kein Treffer",
  typedOption: (text) => `„${text}“ verwenden`,
  observed: "In diesem Projekt beobachtet",
  withLowerTaxa: "Mit allen untergeordneten Taxa",
  groups: { observation: "Beobachtung", review: "Prüfung", place: "Ort und Zeit" },
  names: {
    class: "Art",
    taxon: "Taxon",
    kind: "Kategorie",
    blank: "Leer",
    count_min: "Anzahl",
    individual: "Individuum",
    confidence: "Konfidenz",
    model_class: "Klasse des Modells",
    reviewed: "Stand der Prüfung",
    needs_review: "Zu prüfen",
    identified_by: "Bestimmt von",
    source: "Herkunft",
    starred: "Stern",
    tag: "Schlagwort",
    deployment: "Standort",
    date: "Datum",
    analysis_state: "Analyse",
    deleted: "Gelöscht",
    sequence: "Sequenz",
  },
  blank: { true: "Nichts gefunden", false: "Etwas gefunden" },
  reviewed: { true: "Geprüft", false: "Ungeprüft" },
  starred: { true: "Mit Stern", false: "Ohne Stern" },
  unknownDeployment: "gelöschter Standort",
  from: "Von",
  to: "Bis",
  days: (from, to) => `${from} – ${to}`,
  fromDay: (day) => `ab ${day}`,
  toDay: (day) => `bis ${day}`,
  leastConfidence: "Mindestkonfidenz, %",
  atLeast: (percent) => `mindestens ${percent} %`,
  leastCount: "Mindestanzahl",
  countAtLeast: (count) => `mindestens ${count}`,
}

export const observationFilterTexts: Translation<typeof en.observationFilterTexts> = {
  unknownTaxon: "gelöschtes Taxon",
  kinds: {
    animal: "Tiere",
    human: "Menschen",
    vehicle: "Fahrzeuge",
    blank: "Leer",
    unknown: "Unbekannt",
    unclassified: "Nicht klassifiziert",
  },
  reviews: { true: "Ja", false: "Nein" },
  sources: { human: "Menschen", model: "Modelle" },
  formerMember: "einem früheren Mitglied",
  individualImages: (names, images) => `${names} (${images})`,
  oneSequence: "eine",
}

export const sequenceTexts: Translation<typeof en.sequenceTexts> = {
  title: "Sequenzen",
  intro: (gap) => `Bilder einer Kamera mit weniger als ${gap} Abstand zueinander.`,
  count: formatImages,
  more: (count) => `und ${formatCount(count)} weitere`,
  play: "Abspielen",
  stop: "Anhalten",
  playing: (at, all) => `${at} von ${all}`,
  grid: "In den Bildern anzeigen",
  run: "Pipeline starten",
  lasted: (span) => `über ${span}`,
  noneTitle: "Noch keine Sequenz",
  none: "Sequenzen entstehen automatisch, wenn Bilder eintreffen.",
  older: "Mehr anzeigen",
  atLeast: "Mindestens",
  any: "Beliebige Länge",
  two: "2 Bilder",
  five: "5 Bilder",
  ten: "10 Bilder",
}
