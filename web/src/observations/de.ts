import { formatImages } from "../images/de"
import { choosePlural, formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const observationSettingsTexts: Translation<typeof en.observationSettingsTexts> = {
  title: "Beobachtungen",
  text: "Eine Beobachtung ist die aktuelle Antwort auf die Frage, was ein Bild zeigt. Modelle schlagen vor, Menschen entscheiden. Diese Einstellungen gelten für alle Bilder des Projekts.",
  onlyManagers: "Nur die Rollen Verwalter und Eigentümer ändern diese Einstellungen.",
  everything:
    "In diesem Projekt zählt jede Erkennung eines Modells, auch mit geringer Konfidenz. In neuen Projekten zählen Detektionen ab 20 % und Klassifikationen ab 50 %.",
  recommend: "Vorschau mit 20 % und 50 %",
  thresholds: "Schwellenwerte",
  detection: "Schwellenwert für Detektionen, %",
  detectionHint: "Ein Rahmen mit geringerer Konfidenz ist keine Beobachtung.",
  classification: "Schwellenwert für Klassifikationen, %",
  classificationHint:
    "Ein Name mit geringerer Konfidenz wird nicht verwendet; es gilt der Name des Detektors.",
  review: "Schwellenwert für die Prüfung, %",
  reviewHint: "Beobachtungen von Modellen mit geringerer Konfidenz sind zu prüfen.",
  classes: "Schwellenwerte einzelner Klassen",
  classesHint: "Sie ersetzen den Schwellenwert für Detektionen bei einem Label eines Modells.",
  noClasses: "Keine Klasse hat einen eigenen Schwellenwert.",
  className: "Klasse",
  classPercent: "Schwellenwert, %",
  classPercentOf: (label) => `Schwellenwert von ${label || "der neuen Klasse"}, %`,
  addClass: "Klasse hinzufügen",
  removeClass: (label) => `${label || "Neue Klasse"} entfernen`,
  repeated: (label) => `„${label}“ hat zwei Schwellenwerte. Entfernen Sie einen davon.`,
  combines: "Erkennungen eines Bildes zusammenführen",
  combinesHint:
    "Überlappende Rahmen mehrerer Pipelines sind eine Beobachtung, und ein Name für das ganze Bild gilt für dessen einziges Tier.",
  pipelines: "Pipelines",
  pipelinesText:
    "Haben mehrere Pipelines dasselbe gefunden, benennt es die Pipeline mit der höchsten Priorität. Eine Pipeline, die weder Tiere noch Menschen noch Fahrzeuge sucht, zählt nicht.",
  noPipelines:
    "Noch hat keine Pipeline ein Bild analysiert. Nach ihrem ersten Ergebnis steht jede hier.",
  priority: "Priorität",
  pipeline: "Pipeline",
  looksFor: "Sucht",
  use: "Verwendung",
  choiceOf: (name) => `Verwendung von ${name}`,
  kinds: {
    animal: "Tiere",
    human: "Menschen",
    vehicle: "Fahrzeuge",
    other: "etwas anderes",
  },
  otherTasks: (tasks) => `etwas anderes: ${tasks}`,
  notDeclared: "nicht angegeben",
  uses: {
    automatic: "Automatisch",
    counts: "Zählt",
    ignored: "Zählt nicht",
    replaced: "Ersetzt",
  },
  replacedBy: (name) => `Ersetzt durch ${name}`,
  counts: "zählt",
  countsNot: "zählt nicht",
  up: (name) => `${name} nach oben`,
  down: (name) => `${name} nach unten`,
  moved: (name, place) => `${name} hat jetzt Priorität ${place}.`,
  blankLabels: "Labels für leere Bilder",
  blankHint: "Trennen Sie sie durch Kommas. „blank“ und „empty“ bedeuten immer leer.",
  blankExample: "vide, leer, none",
  rule: "Bestimmung, die zählt",
  rules: {
    latest: "Die neueste",
    expert: "Fachleute zuerst",
    agreement: "Übereinstimmung",
  },
  ruleHints: {
    latest: "Es zählt die neueste Bestimmung.",
    expert:
      "Eine Bestimmung der Rollen Eigentümer oder Verwalter hat Vorrang vor denen der Rolle Prüfer.",
    agreement:
      "Mehrere Personen müssen dasselbe Taxon angeben. Bis dahin wird die Beobachtung des Modells angezeigt und ist zu prüfen.",
  },
  agreement: "Personen, die übereinstimmen müssen",
  preview: "Vorschau",
  save: "Speichern und anwenden",
  discard: "Änderungen verwerfen",
  saved: "Einstellungen gespeichert. Sie werden angewendet.",
  applied: "Die neuen Einstellungen sind angewendet.",
  unchanged: "Es wurde nichts geändert.",
  applying: (done, all) => `Neue Einstellungen werden angewendet: ${done} von ${all}.`,
  applyingText: "Bis dahin zeigen Listen die Beobachtungen nach den früheren Einstellungen.",
  previewTitle: "Vorschau",
  previewHint:
    "Sehen Sie sich vor dem Speichern die Wirkung auf die neuesten Bilder an. Eine Vorschau ändert nichts.",
  outdated: "Die Einstellungen wurden nach dieser Vorschau bearbeitet.",
  noImages:
    "Dieses Projekt hat noch keine Bilder. Die Einstellungen gelten für seine ersten Ergebnisse.",
  sample: (images) =>
    images === 1
      ? "Wirkung auf das neueste Bild"
      : `Wirkung auf die neuesten ${formatImages(images)}`,
  changed: (images) =>
    images === 0
      ? "Kein Bild würde etwas anderes zeigen."
      : `${formatPlural(images, "Bild würde", "Bilder würden")} etwas anderes zeigen.`,
  needsReview: (images) => `${formatPlural(images, "Bild wäre", "Bilder wären")} zu prüfen.`,
  class: "Klasse",
  before: "Jetzt",
  after: "Danach",
  difference: "Änderung",
  gain: (count) =>
    count > 0 ? `+${formatCount(count)}` : count < 0 ? `−${formatCount(-count)}` : "0",
  sameClasses: (count) =>
    `${formatPlural(count, "andere Klasse", "andere Klassen")} ${choosePlural(count, "bleibt", "bleiben")} gleich.`,
  blank: "Leer",
  unnamed: "Ohne Namen",
}
