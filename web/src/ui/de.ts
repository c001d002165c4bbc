import type * as en from "./en"
import { createFormats } from "./formats"
import type { Translation } from "./translation"

export const { locale, formatCount, choosePlural, formatPlural, formatDecimal, formatInput } =
  createFormats("de-DE")

export const formatEstimate: typeof en.formatEstimate = (text, isEstimate) =>
  isEstimate ? `etwa ${text}` : text

/** Nouns keep their capital letter. */
export const formatInSentence: typeof en.formatInSentence = (label) => label

export const uiTexts: Translation<typeof en.uiTexts> = {
  cancel: "Abbrechen",
  close: "Schließen",
  save: "Speichern",
  remove: "Löschen",
  edit: "Bearbeiten",
  copy: "Kopieren",
  copied: "Kopiert",
  retry: "Erneut versuchen",
  more: "Mehr anzeigen",
  loading: "Wird geladen",
  all: "Alle",
  none: "Keine",
  never: "nie",
  optional: "optional",
  any: "Beliebig",
  unknown: "unbekannt",
  yes: "Ja",
  moreSettings: "Weitere Einstellungen",
}

export const languageTexts: Translation<typeof en.languageTexts> = {
  title: "Sprache",
  names: { en: "English", de: "Deutsch" },
}

export const timeTexts: Translation<typeof en.timeTexts> = {
  never: "nie",
  now: "gerade eben",
  soon: "gleich",
  future: (span) => `in ${span}`,
  past: (span) => `vor ${span}`,
  underOneSecond: "unter 1 s",
  seconds: (count) => `${count} s`,
  minutes: (count) => `${count} min`,
  hours: (count) => `${count} h`,
  days: (count) => formatPlural(count, "Tag", "Tage"),
  // Ages follow "in" or "vor", which require the dative.
  ageDays: (count) => formatPlural(count, "Tag", "Tagen"),
  months: (count) => formatPlural(count, "Monat", "Monaten"),
  years: (count) => formatPlural(count, "Jahr", "Jahren"),
  bytes: (value, unit) => `${value} ${["B", "kB", "MB", "GB", "TB"][unit]}`,
}
