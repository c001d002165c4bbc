import type { LocationPrecision } from "../api/types"
import { formatImages, formatOfImages } from "../images/de"
import { choosePlural, formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"
import type { FeatureType, SetupFieldName } from "./setupFieldList"

export const deploymentFormTexts: Translation<typeof en.deploymentFormTexts> = {
  zoneHint: "Die Zeitzone der Uhr der Kamera.",
  zoneFound: (here) => `Leer: die Zeitzone der Koordinaten; ohne Koordinaten ${here}.`,
  uncertainty: "Unsicherheit der Koordinaten, Meter",
  started: "Beginn",
  ended: "Ende",
  inZone: (zone) => `Zeit in ${zone}.`,
  badUncertainty: "Eine Zahl in Metern, 0 oder mehr.",
  missing: (given) => `Fehlt: Geben Sie auch diesen Wert ein, oder leeren Sie „${given}“.`,
  reversed: "Das Ende liegt vor dem Beginn.",
  badTime: "Ein Datum mit vierstelligem Jahr, und eine Uhrzeit.",
}

export const formatDeployments: typeof en.formatDeployments = (count) =>
  formatPlural(count, "Standort", "Standorte")

export const deploymentTexts: Translation<typeof en.deploymentTexts> = {
  title: "Standorte",
  add: "Standort hinzufügen",
  noneTitle: "Noch kein Standort",
  none: "Ein Standort ist eine Kamera an einem Ort während eines Zeitraums. Jedes Bild gehört zu einem Standort.",
  name: "Name",
  nameHint: "Der Name des Ortes, etwa „Furt Kaltenbach“.",
  latitude: "Breitengrad",
  longitude: "Längengrad",
  zone: "Zeitzone",
  clock: "Korrektur der Uhr, Sekunden",
  clockHint: "Wird zur Zeit der Kamerauhr addiert.",
  camera: "Kamera-ID",
  habitat: "Lebensraum",
  notes: "Notizen",
  go: "Standort hinzufügen",
  saved: (name) => `Standort „${name}“ hinzugefügt.`,
  changed: (name) => `Standort „${name}“ gespeichert.`,
  edit: "Standort bearbeiten",
  remove: "Löschen",
  removeAsk: "Diesen Standort löschen?",
  removed: "Standort gelöscht.",
  removeText: "Nur ein Standort ohne Bilder kann gelöscht werden.",
  badNumber: "Eine Zahl in Grad, etwa 48,1372.",
  north: "−90 bis 90",
  east: "−180 bis 180",
  seeImages: "Bilder ansehen",
  newDeployment: "Neuer Standort…",
}

const badges: Record<Exclude<LocationPrecision, "exact">, string> = {
  "0.01": "gerundet auf 0,01°",
  "0.1": "gerundet auf 0,1°",
  withheld: "Position verborgen",
}

export const locationTexts: Translation<typeof en.locationTexts> = {
  badges,
  reason: "Hier kommt ein sensibles Taxon vor. Ihre Rolle sieht die genaue Position nicht.",
  restricted: (count) =>
    `${formatDeployments(count)} mit einem sensiblen Taxon: Die Position ist für Ihre Rolle gerundet oder verborgen, und der Name ist ersetzt.`,
  seeRules: "Regeln anzeigen",
  formNote:
    "An diesem Standort kommt ein sensibles Taxon vor. Ihre Rolle sieht die genaue Position nicht; daher sind die gesperrten Felder verborgen. Die Rolle Eigentümer kann sie ändern.",
  withheld: "verborgen",
  coordinates: (latitude, longitude) => `${latitude}; ${longitude}`,
}

export const clockTexts: Translation<typeof en.clockTexts> = {
  effect: (moved) =>
    moved === 0
      ? "Keine Aufnahmezeit würde sich ändern."
      : `Die Zeit von ${formatOfImages(moved)} ändert sich:`,
  stays: (edited, without) =>
    [
      edited
        ? `${formatPlural(edited, "von Hand bearbeitetes Bild ändert", "von Hand bearbeitete Bilder ändern")} sich nicht.`
        : "",
      without
        ? `${formatImages(without)} ohne Kamerazeit ${choosePlural(without, "ändert", "ändern")} sich nicht.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  undo: (seconds) => `${formatCount(seconds)} s wiederherstellen`,
  undoZone: (zone) => `${zone} wiederherstellen`,
  undone: "Korrektur der Uhr und Aufnahmezeiten wiederhergestellt.",
  dating: (done, all) =>
    `Aufnahmezeiten werden aktualisiert: ${formatCount(done)} von ${formatCount(all)}.`,
  silent: "Ohne neue Bilder",
  default: "Standard",
  defaultHint: "Enthält die Bilder, die zu keinem anderen Standort gehören.",
}

export const zoneTexts: Translation<typeof en.zoneTexts> = {
  assumed: "Keine Zeitzone ist gesetzt. Die Zeiten dieser Kamera wurden als UTC gelesen.",
  choose: "Setzen Sie die Zeitzone oder die Koordinaten, um sie zu korrigieren.",
  chooseZone: "Setzen Sie die Zeitzone, um sie zu korrigieren.",
  chooseBelow:
    "Geben Sie die Zeitzone ein, und lassen Sie „Aufnahmezeiten aktualisieren“ ausgewählt.",
  correct: (zone) => `${zone} setzen und alle Zeiten korrigieren`,
  setZone: "Zeitzone setzen",
  keep: "Die Uhr der Kamera läuft in UTC",
  corrected: (zone) => `Zeitzone auf ${zone} gesetzt. Die Aufnahmezeiten sind korrigiert.`,
  kept: "Zeitzone bestätigt: UTC.",
  again: (count) =>
    `Aufnahmezeiten aktualisieren: ${formatImages(count)} auf diese Zeitzone umstellen`,
  onlyNew: "Sonst gilt diese Zeitzone nur für neue Bilder.",
}

export const csvTexts: Translation<typeof en.csvTexts> = {
  save: "CSV exportieren",
  take: "CSV importieren",
  wrong: "Die CSV-Datei wurde nicht importiert",
  taken: (made, changed, unchanged) =>
    `${formatCount(made)} hinzugefügt, ${formatCount(changed)} geändert, ${formatCount(unchanged)} unverändert.`,
}

export const setupLabels: Record<SetupFieldName, string> = {
  camera_model: "Kameramodell",
  camera_delay_s: "Auslösepause, Sekunden",
  camera_height_m: "Kamerahöhe, Meter",
  camera_depth_m: "Kameratiefe, Meter",
  camera_tilt_deg: "Kameraneigung, Grad",
  camera_heading_deg: "Kamerarichtung, Grad",
  detection_distance_m: "Auslösedistanz, Meter",
  timestamp_issues: "Probleme mit Zeitstempeln",
  bait_use: "Köder",
  feature_type: "Geländemerkmal",
  setup_by: "Aufgebaut von",
  pickup_by: "Abgebaut von",
  groups: "Gruppen",
  tags: "Schlagwörter",
  inactive_periods: "Ausfallzeiten",
}

const rejections: Partial<Record<SetupFieldName, string>> = {
  camera_delay_s: "Eine ganze Zahl von Sekunden, 0 oder mehr.",
  camera_tilt_deg: "Eine ganze Zahl von −90 (nach unten) bis 90 (nach oben).",
  camera_heading_deg: "Eine ganze Zahl von 0 bis 360, von Norden aus im Uhrzeigersinn.",
  inactive_periods:
    "Jede Zeile: Beginn/Ende und ein Grund, mit Tagen wie 2026-05-01. Das Ende liegt nicht vor dem Beginn; der Grund enthält kein |.",
}

export const setupTexts: Translation<typeof en.setupTexts> = {
  unknown: "Unbekannt",
  no: "Nein",
  listHint: "Trennen Sie mehrere durch |.",
  periodsHint: (zone) =>
    `Eine je Zeile in ${zone}, etwa 2026-05-01T18:00/2026-05-03T09:00 Kamera gestohlen.`,
  bad: (name) => rejections[name] ?? "Eine Zahl, 0 oder mehr.",
  heightAndDepth: "Eine Kamera hat eine Höhe oder eine Tiefe, nicht beides.",
}

export const featureTexts: Record<FeatureType, string> = {
  roadPaved: "Befestigte Straße",
  roadDirt: "Unbefestigter Weg",
  trailHiking: "Wanderweg",
  trailGame: "Wildwechsel",
  roadUnderpass: "Unterführung",
  roadOverpass: "Überführung",
  roadBridge: "Brücke",
  culvert: "Durchlass",
  burrow: "Bau",
  nestSite: "Nistplatz",
  carcass: "Kadaver",
  waterSource: "Wasserstelle",
  fruitingTree: "Fruchttragender Baum",
}
