import { formatImages } from "../images/de"
import { choosePlural, formatCount, formatDecimal, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

let translateStatusReason = (reason: string) => reason
// Loaded after the first screen, which must stay small; without it the sentences are in English.
void import("./statusReason.de")
  .then((loaded) => {
    translateStatusReason = loaded.translateStatusReason
  })
  .catch(() => undefined)

export const formatStatusReason: typeof en.formatStatusReason = (reason) =>
  translateStatusReason(reason)

export const runTexts: Translation<typeof en.runTexts> = {
  title: "Auftrag starten",
  what: "Was ausgeführt wird",
  presets: "Vorlagen",
  pipelines: "Pipelines",
  online: "ein Worker ist online",
  offline: "kein Worker ist online: der Auftrag wartet auf einen",
  gone: (slug) => `die Pipeline ${slug} ist nicht mehr registriert`,
  runs: (slug, priority) => `führt ${slug} aus, Priorität ${priority}`,
  which: "Welche Bilder",
  everything: "Alle Bilder des Projekts",
  fitting: "Bilder, die den Filtern der Bilderliste entsprechen",
  byIds: (count) =>
    count === 1 ? "Das ausgewählte Bild" : `Die ${formatCount(count)} ausgewählten Bilder`,
  atAddresses: "Bilder unter URLs, die der Server herunterlädt",
  addresses: "URLs",
  addressesHint: (most) =>
    `Eine je Zeile, höchstens ${formatCount(most)}. Der Server lädt jedes Bild einmal herunter und speichert es.`,
  notAddress: (line) =>
    `Zeile ${formatCount(line)} ist nicht die URL eines Bildes. Beispiel: https://camera.example/IMG_0001.JPG, ohne Benutzernamen und Passwort.`,
  tooManyAddresses: (count, most) =>
    `Das sind ${formatCount(count)} URLs; ein Lauf nimmt höchstens ${formatCount(most)} an.`,
  into: "Standort",
  intoDefault: "Der Standard-Standort des Projekts",
  unanalysed: "Nur Bilder, die diese Pipeline noch nicht analysiert hat",
  from: "Aufgenommen von",
  to: "bis",
  name: "Name",
  parameters: "Parameter",
  parametersHint: 'Ein JSON-Objekt, das die Worker lesen, etwa {"threshold": 0.4}.',
  known: (keys) => `Bekannte Parameter: ${keys.join(", ")}.`,
  ofPreset: (said) => `Die Vorlage enthält ${said}; hier angegebene Werte haben Vorrang.`,
  notObject:
    "Dies ist kein JSON-Objekt: Es beginnt mit { und endet mit }, mit Namen und Texten in doppelten Anführungszeichen.",
  priority: "Priorität",
  asPreset: (name) => `Wie in der Vorlage: ${name}`,
  go: "Starten",
  goLater: "Anlegen",
  later: "Noch nicht starten",
  madeLater: "Auftrag angelegt. Er wartet, bis Sie ihn starten.",
  started: "Auftrag in der Warteschlange.",
  noneTitle: "Keine Pipeline ist registriert",
  none: "Verbinden Sie einen Worker: Er registriert die Pipelines, die er anbietet.",

  nothing: "Kein Bild passt: Es gibt nichts auszuführen.",
  tooMany: (most) =>
    `Mehr als ${formatCount(most)} Bilder passen. Grenzen Sie die Filter ein, oder wählen Sie nach Standort und Zeit.`,
  reading: (read, of) =>
    `Bilder werden gesammelt: ${formatCount(read)} von ${formatCount(Math.max(read, of))}.`,
  counting: "Bilder werden gezählt…",
  notCounted: "Die Bilder konnten nicht gezählt werden; der Auftrag zählt sie selbst.",
  sum: (count, about, atMost) =>
    `${atMost ? "Höchstens " : about ? "Etwa " : ""}${formatImages(count)}`,
  duration: (time, now) =>
    `etwa ${time} Arbeit, bei ${now ? "jetziger" : "letzter"} Geschwindigkeit`,
  noPace: "noch keine Schätzung: Diese Pipeline lief hier noch nicht",
  waits: "wartet auf einen Worker",
  ahead: (count) =>
    `${formatImages(count)} anderer Aufträge ${choosePlural(count, "ist", "sind")} in der Warteschlange.`,

  preset: "Vorlage",
  content: "Über",
  attempt: (count) => `Versuch ${formatCount(count)}`,
  asked: "angefordert",
  began: "begonnen",
  ended: "beendet",
  metadata: "Metadaten",
}

export const presetTexts: Translation<typeof en.presetTexts> = {
  title: "Vorlagen",
  add: "Vorlage anlegen",
  edit: "Vorlage ändern",
  noneTitle: "Noch keine Vorlage",
  none: "Eine Vorlage ist eine benannte Pipeline mit ihren Parametern: Personen wählen sie aus einer Liste, und Programme starten einen Lauf mit ihrem Namen.",
  onlyManagers: "Nur die Rollen Verwalter und Eigentümer legen Vorlagen an.",
  noPipeline: "Eine Vorlage braucht eine Pipeline, und noch ist keine registriert.",
  text: "Benannte Pipelines mit ihren Parametern, für Personen und für Programme.",
  guide: "Wie Programme Läufe starten: docs/how-to/run-a-pipeline.md.",
  name: "Name",
  nameHint: "Der Name für Programme: Buchstaben, Ziffern, Punkte, Binde- und Unterstriche.",
  pipeline: "Pipeline",
  description: "Beschreibung",
  descriptionHint: "Wann sie zu verwenden ist. Wird beim Starten eines Auftrags angezeigt.",
  parameters: "Parameter",
  priority: "Priorität",
  changed: "Geändert",
  actions: "Aktionen",
  noParameters: "keine",
  gone: "nicht mehr registriert",
  go: "Vorlage anlegen",
  save: "Speichern",
  asItIs: "Aktuelle Fassung anzeigen",
  made: (name) => `Vorlage „${name}“ angelegt.`,
  saved: (name) => `Vorlage „${name}“ gespeichert. Bestehende Läufe sind nicht betroffen.`,
  run: "Starten",
  runOne: (name) => `${name} starten`,
  editOne: (name) => `${name} bearbeiten`,
  remove: "Löschen",
  removeOne: (name) => `${name} löschen`,
  removeAsk: (name) => `„${name}“ löschen?`,
  removeText:
    "Programme, die ihren Namen verwenden, werden abgelehnt. Ihre Läufe und deren Ergebnisse bleiben erhalten.",
  removeGo: "Vorlage löschen",
  removed: "Vorlage gelöscht.",
}

export const jobTexts: Translation<typeof en.jobTexts> = {
  title: "Aufträge",
  start: "Auftrag starten",
  noneTitle: "Noch kein Auftrag",
  none: "Ein Auftrag führt eine Pipeline über Bilder aus. Starten Sie einen, wenn es Bilder gibt und ein Worker online ist.",
  noneState: "Kein Auftrag hat diesen Status.",
  name: "Name",
  pipeline: "Pipeline",
  left: "Restzeit",
  by: "Angefordert von",
  started: "Gestartet",
  finished: "Beendet",
  created: "Angelegt",
  priority: "Priorität",
  states: {
    queued: "In Warteschlange",
    processing: "Läuft",
    completed: "Abgeschlossen",
    failed: "Fehlgeschlagen",
    canceled: "Abgebrochen",
    paused: "Pausiert",
    not_started: "Nicht gestartet",
  },
  priorities: { low: "Niedrig", normal: "Normal", high: "Hoch" },
  of: (done, total) => `${formatCount(done)} von ${formatCount(total)}`,
  ofAbout: (done, total) => `${formatCount(done)} von etwa ${formatCount(total)}`,
  perMinute: (rate) =>
    `${rate * 60 >= 10 ? formatCount(Math.round(rate * 60)) : formatDecimal(rate * 60, 1)} Bilder/min`,
  counts: {
    queued: "wartend",
    processing: "in Arbeit",
    completed: "fertig",
    failed: "fehlgeschlagen",
    canceled: "abgebrochen",
  },
  cancel: "Abbrechen",
  run: "Starten",
  pause: "Pausieren",
  resume: "Fortsetzen",
  retry: "Fortsetzen",
  rename: "Umbenennen",
  renameTitle: "Auftrag umbenennen",
  prioritized: (name) => `Priorität auf ${name} gesetzt.`,
  renamed: "Auftrag umbenannt.",
  cancelAsk: "Diesen Auftrag abbrechen?",
  cancelText:
    "Analysierte Bilder behalten ihre Ergebnisse. Die anderen Bilder werden nicht analysiert.",
  cancelGo: "Auftrag abbrechen",
  keep: "Weiterlaufen lassen",
  canceled: "Auftrag abgebrochen.",
  paused: "Auftrag pausiert. Es werden keine neuen Aufgaben vergeben.",
  resumed: "Auftrag fortgesetzt.",
  ran: "Auftrag gestartet.",
  retried: "Unfertige Bilder sind wieder in der Warteschlange.",
  history: "Verlauf",
  failures: "Fehler",
  nothingFound: "nichts gefunden",
  growing: "wird noch gezählt",
  standing: "automatisch: analysiert jedes neue Bild",
  noName: (slug, id) => `${slug} ${id}`,
  finds: (over) => (over ? "Ergebnisse" : "Bisherige Ergebnisse"),
  noFinds: "Noch keine Ergebnisse.",
}

export const failureTexts: Translation<typeof en.failureTexts> = {
  none: "Kein Bild ist fehlgeschlagen.",
  noReason: "Kein Grund angegeben",
  noWorker: "ein unbekannter Worker",
  look: "Bild ansehen",
  choose: "Wählen Sie Bilder aus, um nur einige zu wiederholen.",
  retrySome: "Ausgewählte wiederholen",
  sum: (images, reasons) =>
    `${formatPlural(images, "Bild ist", "Bilder sind")} fehlgeschlagen, aus ${formatPlural(reasons, "Grund", "Gründen")}. Sie werden nicht automatisch wiederholt.`,
  retryAll: (count) =>
    count === 1 ? "Bild wiederholen" : `Alle ${formatCount(count)} wiederholen`,
  retryReason: (count) => (count === 1 ? "Bild wiederholen" : `${formatCount(count)} wiederholen`),
  retried: (count) => `${formatImages(count)} wieder in der Warteschlange.`,
  attempts: (count) => formatPlural(count, "Versuch", "Versuche"),
  attempt: (number) => `${formatCount(number)}.`,
  at: (time, took) => `${time}, ${took} lang`,
  since: (time) => `seit ${time}`,
  outcomes: {
    "in hand": "ist in Arbeit",
    completed: "fertig",
    error: "ohne Meldung fehlgeschlagen",
    lost: "keine Antwort",
    evicted: "Worker wurde ausgeschlossen",
    released: "vom Worker zurückgegeben",
    unheard: "beim Worker nie angekommen",
    "taken over": "von einem freien Worker übernommen",
  },
}

export const workerTexts: Translation<typeof en.workerTexts> = {
  title: "Worker",
  noneTitle: "Noch ist kein Worker registriert",
  none: "Ein Worker ist ein Programm, das Modelle ausführt. Er läuft auf jedem Rechner, der diesen Server über HTTPS erreicht.",
  online: "Online",
  offline: "Offline",
  lastSeen: "Zuletzt gesehen",
  offers: "Bietet an",
  connect: "Worker verbinden",
  connectTitle: "Worker verbinden",
  connectText:
    "Erstellen Sie ein Token für den Worker, und führen Sie dann diese Befehle auf dem Rechner mit den Modellen aus.",
  oneToken:
    "Erstellen Sie für jeden Rechner ein eigenes Token. Worker, die sich nicht anmelden, werden an Token und Netzwerkadresse erkannt.",
  tokenName: "Name des Rechners mit dem Worker",
  make: "Token erstellen",
  shownOnce:
    "Dieses Token wird nur einmal angezeigt. Bewahren Sie es dort auf, wo der Worker es lesen kann.",
  install: "Installieren, in einem Klon des Repositorys von Trapline",
  registerStep: "Seine Pipelines registrieren",
  runStep: "Starten",
  noLive: "Kein Prozess dieses Dienstes ist verbunden.",
  pipelines: "Pipelines",
  classes: (count) => formatPlural(count, "Klasse", "Klassen"),
  others: "Worker ohne Dienst",
  done: (count) => `${formatCount(count)} fertig`,
  jobHolds: (count, job) => `${formatCount(count)} aus Auftrag ${job}`,
  idle: "keine Aufgaben",
  process: (pid) => `Prozess ${pid}`,
  modelLoad: (seconds) => `Modell in ${formatDecimal(seconds, 1)} s geladen`,
  batchSize: (count) => `Batch mit ${formatCount(count)}`,
  freeMemory: (size) => `${size} Speicher frei`,
  freeDeviceMemory: (size) => `${size} GPU-Speicher frei`,
  evict: "Ausschließen",
  evictAsk: (name) => `${name} ausschließen?`,
  evictText: (count) =>
    [
      count === 0
        ? "Der Worker hat keine Aufgaben."
        : `${formatPlural(count, "Bild kommt", "Bilder kommen")} sofort zurück in die Warteschlange. Ein Worker, der online ist, behält die begonnenen Bilder, und seine fertigen Ergebnisse werden angenommen.`,
      "Seine ID wird ab jetzt abgelehnt; nach einem Neustart erhält er eine neue. Sein API-Token bleibt gültig.",
    ].join(" "),
  evicted: (count) =>
    count === 0
      ? "Worker ausgeschlossen."
      : `Worker ausgeschlossen. ${formatPlural(count, "Bild ist", "Bilder sind")} wieder in der Warteschlange.`,
  evictGo: "Worker ausschließen",
  version: "Version",
}
