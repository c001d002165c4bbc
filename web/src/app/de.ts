import { formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const navigationTexts: Translation<typeof en.navigationTexts> = {
  overview: "Übersicht",
  images: "Bilder",
  review: "Prüfen",
  reviewSets: "Prüfpakete",
  disagreement: "Abweichungen",
  sequences: "Sequenzen",
  insights: "Auswertung",
  jobs: "Aufträge",
  sources: "Quellen",
  deployments: "Standorte",
  exports: "Exporte",
  imports: "Importe",
  workers: "Worker",
  integrations: "Integrationen",
  settings: "Einstellungen",
  more: "Mehr",
  skip: "Zum Inhalt springen",
  main: "Hauptnavigation",
  live: "Live",
  notLive: "Nicht live: wird alle paar Sekunden aktualisiert",
  account: "Ihr Konto",
  signOut: "Abmelden",
  theme: "Farben",
  themes: { auto: "Wie das System", light: "Hell", dark: "Dunkel" },
  keys: "Tastenkürzel",
  projects: "Projekt",
  newProject: "Neues Projekt",
  apiDocs: "API-Dokumentation",
  running: (count) => formatPlural(count, "Auftrag läuft", "Aufträge laufen"),
  failing: (count) => formatPlural(count, "Quelle hat ein Problem", "Quellen haben Probleme"),
  archived:
    "Dieses Projekt ist archiviert und schreibgeschützt. Seine Quellen pausieren, und seine Aufträge warten. Personen mit der Rolle Eigentümer heben die Archivierung auf, unter",
  archivedWhere: "Einstellungen",
}

export const searchTexts: Translation<typeof en.searchTexts> = {
  label: "Gehe zu",
  placeholder: "Gehe zu Klasse, Standort, Auftrag…",
  nothing: "Keine Treffer.",
  kinds: {
    screen: "Seite",
    class: "Klasse",
    deployment: "Standort",
    source: "Quelle",
    job: "Auftrag",
  },
}
