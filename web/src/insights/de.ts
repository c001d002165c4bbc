import { choosePlural, formatCount, formatDecimal, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

const SHOWN_NAMES = 5
const shortenList = (names: string[]) =>
  names.length > SHOWN_NAMES
    ? `${names.slice(0, SHOWN_NAMES).join(", ")} und ${formatCount(names.length - SHOWN_NAMES)} weitere`
    : names.join(", ")
const formatEvents = (count: number) => formatPlural(count, "Ereignis", "Ereignisse")
const formatInterval = (low: string, high: string) => `95-%-Intervall ${low} bis ${high}`

export const insightTexts: Translation<typeof en.insightTexts> = {
  title: "Auswertung",
  parts: {
    overview: "Überblick",
    activity: "Aktivität",
    species: "Arten",
    effort: "Aufwand",
    map: "Karte",
    quality: "Modellgüte",
    health: "Kamerazustand",
  },
  from: "Von",
  to: "Bis",
  deployment: "Standort",
  allDeployments: "Alle Standorte",
  species: "Art",
  allSpecies: "Alle Arten",
  interval: "Ereignisabstand",
  minutes: (count) =>
    count === 0
      ? "jede Beobachtung"
      : count === 1440
        ? "24 h"
        : count >= 60
          ? `${formatDecimal(count / 60, 1)} h`
          : `${count} min`,
  clear: "Filter löschen",
  events: formatEvents,
  speciesCount: (count) => formatPlural(count, "Art", "Arten"),
  nights: (nights) => formatPlural(Math.round(nights), "Kameranacht", "Kameranächten"),
  deployments: (count) => formatPlural(count, "Standort", "Standorten"),
  totals: ["", " von ", " in ", " an ", "."],
  reviewed: (reviewed, images) =>
    `${formatCount(reviewed)} von ${formatCount(images)} ${choosePlural(images, "Bild ist", "Bildern sind")} geprüft.`,
  notSpecies: (names) => `Nicht als Art gezählt: ${shortenList(names)}.`,
  definition: "Definitionen mit ihren Quellen: docs/reference/insights.md.",
  emptyTitle: "Noch keine Ereignisse",
  empty:
    "Die Auswertung zählt Beobachtungen von Tieren. Starten Sie einen Auftrag oder prüfen Sie Bilder, dann erscheinen hier die ersten Zahlen.",
  emptyFiltered: "Keine Beobachtung passt zu diesen Filtern.",
  seeImages: "Bilder ansehen",
  review: "Bilder prüfen",
  interval95: formatInterval,
  images: (count) => formatPlural(count, "Bild", "Bilder"),
  notes: {
    no_observations: "Keine Beobachtung passt zu diesen Filtern.",
    no_effort: "Raten fehlen, weil keine Kameranächte bekannt sind.",
    few_deployments: "Ohne Intervall: Dafür sind mindestens 10 Standorte mit Ereignissen nötig.",
    few_events: "Ohne Kurve: Dafür sind mindestens 10 Ereignisse nötig.",
    estimated_effort:
      "Der Aufwand ist geschätzt, wo Beginn oder Ende eines Standorts fehlen: vom ersten bis zum letzten Bild.",
    outside_period: "Beobachtungen außerhalb des Zeitraums ihres Standorts zählen nicht zur Rate.",
    without_coordinates: "Standorte ohne Position sind ausgelassen.",
    no_audit_sample: "Es gibt noch keine geprüfte Zufallsstichprobe.",
  } as Record<string, string>,
}

export const tableTexts: Translation<typeof en.tableTexts> = {
  title: "Ereignisse je 100 Kameranächte",
  measure: "Werte",
  measures: { rate: "Rate", events: "Ereignisse", individuals: "Individuen", images: "Bilder" },
  cameraNights: "Kameranächte",
  eventCount: "Ereignisse",
  rate: "Rate, 95-%-Intervall",
  sites: "Standorte",
  firstLast: "Erster und letzter Tag",
  cell: (species, deployment, value, measure) =>
    `${species}, ${deployment}: ${value} (${measure}). Bilder ansehen`,
  event: (interval) =>
    `Ereignis: Beobachtungen einer Art an einem Standort, weniger als ${interval} auseinander.`,
  eventEach: "Ereignis: jede Beobachtung einer Art an einem Standort.",
  noInterval: "Ohne Intervall: Dafür sind mindestens 10 Standorte mit Ereignissen nötig.",
  more: (count) => formatPlural(count, "weitere Art", "weitere Arten"),
  estimated: "geschätzt vom ersten bis zum letzten Bild",
}

export const activityTexts: Translation<typeof en.activityTexts> = {
  title: "Aktivität nach Stunde",
  first: "Art",
  second: "Vergleichen mit",
  noSecond: "Kein Vergleich",
  hour: "Stunde",
  density: (name) => `Dichte, ${name}`,
  count: (name) => `Ereignisse, ${name}`,
  tooFew: (name, events) =>
    `${name}: ${formatEvents(events)}. Für eine Kurve sind mindestens 10 nötig.`,
  chart: (names) => `Aktivität von ${names} nach Stunde des Tages`,
  time: "Tageszeit",
  clock: "Uhrzeit",
  solar: "Sonnenzeit",
  overlap: (estimator, value) => `Überlappung ${estimator.replace("Dhat", "Δ")}: ${value}`,
  overlapInterval: (low, high, first, second) =>
    `(${formatInterval(low, high)}) aus ${formatCount(first)} und ${formatPlural(second, "Ereignis", "Ereignissen")}.`,
  method: "Kerndichte, von Mises.",
  bandwidth: (name, value) => `Konzentration des Kerns von ${name}: ${value}.`,
  bootstrap: (replicates, seed) =>
    `Das Intervall stammt aus ${formatCount(replicates)} Bootstrap-Stichproben mit Startwert ${seed}.`,
  clockHint: "Uhrzeit in der Zeitzone jedes Standorts.",
  solarHint: "Sonnenzeit: Sonnenaufgang ist 6:00, Sonnenuntergang ist 18:00.",
  leftOut: (count) =>
    `${formatPlural(count, "Standort ohne bekannte Position ist", "Standorte ohne bekannte Position sind")} ausgelassen.`,
}

export const richnessTexts: Translation<typeof en.richnessTexts> = {
  title: "Artenzahl nach Aufwand",
  nights: "Kameranächte",
  observed: "Beobachtet",
  expected: "Erwartet (Mao Tau)",
  low: "Von (95 %)",
  high: "Bis (95 %)",
  chart: "Zahl der Arten nach Kameranächten",
  chao2: (value, observed) =>
    `Chao2 schätzt ${value} Arten, davon ${formatCount(observed)} beobachtet`,
}

export const trendTexts: Translation<typeof en.trendTexts> = {
  title: "Arten im Lauf der Zeit",
  shown: "Werte im Lauf der Zeit",
  count: "Zahl der Arten",
  rateOf: (name) => `Rate von ${name}`,
  step: "Länge eines Zeitraums",
  steps: { day: "Tage", week: "Wochen", month: "Monate", year: "Jahre" },
  seen: "Gesehene Arten",
  added: "davon zum ersten Mal",
  from: "Von",
  nights: "Kameranächte",
  events: "Ereignisse",
  rate: "Ereignisse je 100 Kameranächte",
  countChart: "Zahl der Arten in jedem Zeitraum",
  rateChart: (name) => `Ereignisse von ${name} je 100 Kameranächte in jedem Zeitraum`,
  idle: "Graue Zeiträume haben keine Kameranächte.",
}

export const effortTexts: Translation<typeof en.effortTexts> = {
  title: "Standorte im Lauf der Zeit",
  chart: "Zeitraum jedes Standorts, mit Lücken ohne Bilder",
  deployment: "Standort",
  start: "Beginn",
  end: "Ende",
  nights: "Kameranächte",
  images: "Bilder",
  gaps: "Tage in Lücken",
  state: "Zustand",
  states: {
    active: "aktiv",
    silent: "ohne neue Bilder",
    finished: "beendet",
    empty: "keine Bilder",
  },
  table: "Aufwand",
  legend: { images: "in Betrieb", gap: "Lücke" },
  suggest: (day) => `Ende auf ${day} setzen`,
  suggestHint: "Seit drei Tagen kam kein Bild mehr. Das letzte kann das Ende des Einsatzes sein.",
  ended: (name) => `Ende von ${name} gesetzt.`,
}

export const rateMapTexts: Translation<typeof en.rateMapTexts> = {
  title: "Karte",
  species: "Art auf der Karte",
  every: "Alle Arten",
  chart: (name) => `Karte der Rate von ${name} an jedem Standort`,
  legend: "Kreisfläche: Ereignisse je 100 Kameranächte. Ein hohler Punkt bedeutet null.",
  deployment: "Standort",
  latitude: "Breite",
  longitude: "Länge",
  rate: "Rate",
  events: "Ereignisse",
  noPlace: (count) =>
    `${formatPlural(count, "Standort ist", "Standorte sind")} nicht auf der Karte, weil die Position fehlt oder für Sie verborgen ist.`,
  choose: "Wählen Sie einen Kreis oder einen Standort der Liste.",
  showList: "Liste zeigen",
  hideList: "Liste ausblenden",
  rateAt: (rate, events) => `${rate} je 100 Kameranächte, ${formatEvents(events)}.`,
  seeImages: "Bilder ansehen",
  noMap: "Dieser Browser kann die Karte nicht zeichnen. Die Liste ist vollständig.",
  nonePlaced: "Kein Standort hat eine Position. Setzen Sie Positionen, um die Karte zu sehen.",
}

export const qualityTexts: Translation<typeof en.qualityTexts> = {
  title: "Modellgüte",
  model: "Modell",
  none: "Noch wurde kein Ergebnis eines Modells geprüft. Prüfen Sie eine Zufallsstichprobe, um zu wissen, wie gut die Modelle hier sind.",
  sample: (audited, biased) =>
    `${formatPlural(audited, "Bild aus Zufallsstichproben ist", "Bilder aus Zufallsstichproben sind")} geprüft. ${formatPlural(biased, "andere Prüfung ist", "andere Prüfungen sind")} verzerrt, weil Menschen die Bilder gewählt haben.`,
  species: "Klasse",
  precision: "Genauigkeit",
  recall: "Trefferquote",
  f1: "F1",
  checked: "Zufällige Bilder",
  reviewed: "Geprüfte Bilder",
  biased: "verzerrt",
  nextStep: "Genauigkeit auf ±5 %",
  known: "Bekannt",
  needed: (count) => `noch ${formatCount(count)} Prüfungen`,
  reviewMore: (count) => `${formatCount(count)} weitere prüfen`,
  reviewMoreHint: (name) => `Zufällige Bilder von ${name}, um die Genauigkeit auf ±5 % zu kennen`,
  allClasses: (count) => `Alle ${formatCount(count)} Klassen zeigen`,
  newSample: (count) => `${formatCount(count)} zufällige Bilder prüfen`,
  sampleName: "Zufallsstichprobe",
  classSampleName: (name) => `Zufallsstichprobe: ${name}`,
  continueSample: (name, done, images) =>
    `Zufallsstichprobe${name ? ` von ${name}` : ""} fortsetzen (${formatCount(done)} von ${formatCount(images)})`,
  basis: (random, images) =>
    random
      ? `Aus ${formatPlural(images, "Bild", "Bildern")} von Zufallsstichproben.`
      : `Aus ${formatPlural(images, "geprüften Bild", "geprüften Bildern")}, die Menschen gewählt haben: verzerrt.`,
  reliability: "Verlässlichkeit der Konfidenz",
  reliabilityHint:
    "Auf der Diagonale ist eine Klasse mit Konfidenz 0,8 in 80 % der Fälle richtig. Darunter ist das Modell zu sicher.",
  reliabilityChart: "Anteil richtiger Klassen nach Konfidenz des Modells",
  confidence: "Konfidenz",
  correct: "Anteil richtig",
  cases: "Klassen",
  byDeployment: "Güte nach Standort",
  deployment: "Standort",
  threshold: "Schwelle für eine Trefferquote",
  recallWanted: "Trefferquote",
  recallOf: (recall) => `Trefferquote ${recall}`,
  suggestion: (threshold, recall, precision) =>
    `Schwelle ${threshold}: Trefferquote ${recall}, Genauigkeit ${precision}.`,
  current: (threshold) => `Die jetzige Schwelle ist ${threshold}.`,
  noSuggestion:
    "Keine Schwelle erreicht diese Trefferquote, oder weniger als 10 geprüfte Bilder zeigen diese Klasse.",
  apply: (threshold) => `${threshold} anwenden`,
  applied: "Schwelle angewendet. Die Beobachtungen werden neu berechnet.",
  comparison: "Zwei Modelle auf denselben Bildern",
  compareWith: "Vergleichen mit",
  bothCorrect: "Beide richtig",
  onlyCorrect: (name) => `Nur ${name} richtig`,
  noneCorrect: "Keines richtig",
  noPairs: "Kein geprüftes Bild wurde von beiden Modellen analysiert.",
  mcnemar: (p, differs) =>
    `McNemar-Test: p = ${p}. ${differs ? "Die Modelle unterscheiden sich." : "Kein Unterschied ist belegt."}`,
  unknown: "–",
}

export const healthTexts: Translation<typeof en.healthTexts> = {
  title: "Kameras nach Dringlichkeit eines Besuchs",
  camera: "Standort",
  urgency: "Dringlichkeit",
  problems: "Gründe",
  lastImage: "Letztes Bild",
  perDay: "Bilder je Tag",
  recent: (value) => `${value} in den letzten 7 Tagen`,
  blanks: "Leere Bilder",
  ok: "Kein Problem bekannt",
  none: "Noch kein Standort. Fügen Sie einen hinzu, um den Zustand seiner Kamera zu sehen.",
  names: {
    no_images: "Keine Bilder",
    silent: "Ohne neue Bilder",
    clock_in_future: "Uhr in der Zukunft",
    without_camera_time: "Bilder ohne Kamerazeit",
    mostly_blank: "Meist leer",
    fewer_images: "Weniger Bilder als vorher",
  },
}
