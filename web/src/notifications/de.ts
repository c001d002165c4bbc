import type { Notice } from "../api/types"
import { formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

const span = (hours: number) =>
  hours % 24 === 0
    ? formatPlural(hours / 24, "Tag", "Tagen")
    : formatPlural(hours, "Stunde", "Stunden")

export const noticeTexts: Translation<typeof en.noticeTexts> = {
  title: "E-Mail",
  add: "Benachrichtigung hinzufügen",
  noneTitle: "Keine Benachrichtigungen",
  none: "Trapline kann Ihnen eine E-Mail senden, wenn eine Kamera oder eine Quelle keine Bilder sendet, ein Auftrag scheitert oder eine Klasse erkannt wird.",
  text: (address) =>
    `Trapline sendet E-Mails an ${address}: je Art der Benachrichtigung höchstens eine in 15 Minuten.`,
  notSetUp:
    "Dieser Server kann noch keine E-Mails senden. Der Betreiber stellt den Mailserver ein und startet neu:",
  setUp: "TRAPLINE_SMTP_URL=smtp+starttls://user:password@mail.example.org",
  setUpMore: "Mehr dazu in docs/how-to/configure-email-notifications.md.",

  what: "Anlass",
  last: "Letzte E-Mail",
  never: "noch keine",
  notSent: (why) =>
    `Die neueste wurde nicht gesendet: ${why}. Einen Tag lang wird es erneut versucht.`,
  actions: "Aktionen",
  kinds: {
    deployment_silent: "Eine Kamera sendet keine Bilder",
    source_silent: "Eine Quelle sendet keine Bilder",
    job_failed: "Ein Auftrag ist fehlgeschlagen",
    class_seen: "Eine Klasse wurde erkannt",
  },
  details: (notice: Notice) => {
    if (notice.silent_for_h) return `kein Bild seit ${span(notice.silent_for_h)}`
    if (notice.class_name)
      return notice.confidence_min
        ? `${notice.class_name}, mindestens ${Math.round(notice.confidence_min * 100)} % sicher`
        : notice.class_name
    return ""
  },
  tell: "Benachrichtigen, wenn",
  days: "Tage ohne Bild",
  hours: "Stunden ohne Bild",
  cameraHint: "Beendete Standorte zählen nicht.",
  sourceHint: "Auch Quellen, deren Läufe scheitern; pausierte Quellen zählen nicht.",
  className: "Klasse",
  classHint: "Geschrieben wie auf den Bildern.",
  sure: "Mindestkonfidenz, Prozent",
  go: "Hinzufügen",
  change: "Benachrichtigung geändert.",
  asked: "Benachrichtigung hinzugefügt.",
  end: "Löschen",
  endNotice: (what) => `„${what}“ löschen`,
  ended: "Benachrichtigung gelöscht.",
  test: "Test-E-Mail senden",
  arrived: (address) => `Der Mailserver hat die Test-E-Mail an ${address} angenommen.`,
  notArrived: (why) => `Der Test wurde nicht gesendet: ${why}.`,
}

export const webhookTexts: Translation<typeof en.webhookTexts> = {
  title: "Webhooks",
  add: "Webhook hinzufügen",
  edit: "Webhook bearbeiten",
  noneTitle: "Noch kein Webhook",
  none: "Ein Webhook ist eine Ihrer URLs, die Trapline aufruft, wenn ein Auftrag endet, Bilder eintreffen, eine Quelle scheitert oder ein Worker sich nicht meldet.",
  text: "Trapline sendet jedem Webhook die gewählten Ereignisse, signiert. Fehlgeschlagene Zustellungen werden einen Tag lang wiederholt und können erneut gesendet werden.",
  onlyManagers:
    "Nur die Rollen Verwalter und Eigentümer sehen die Webhooks des Projekts: Eine URL kann geheim sein.",

  url: "URL",
  urlHint: "Verwenden Sie möglichst https://. Weiterleitungen wird nicht gefolgt.",
  name: "Name",
  events: "Ereignisse",
  all: "alles",
  some: (count) => formatPlural(count, "Art von Ereignissen", "Arten von Ereignissen"),
  everything: "Alles",
  chosen: "Nur ausgewählte Ereignisse",
  ofJobs: "Jede Analyse eines Auftrags einschließen",
  ofJobsHint:
    "Ein Ereignis je Bild eines Auftrags; sonst werden nur Analysen externer Pipelines gesendet.",
  chooseOne: "Wählen Sie mindestens eines aus.",
  types: {
    "job.queued": "Ein Auftrag ist in der Warteschlange",
    "job.processing": "Ein Auftrag läuft",
    "job.completed": "Ein Auftrag ist fertig",
    "job.failed": "Ein Auftrag ist fehlgeschlagen",
    "job.canceled": "Ein Auftrag ist abgebrochen",
    "analysis.completed": "Eine Analyse ist fertig",
    "analysis.failed": "Eine Analyse ist fehlgeschlagen",
    "image.created": "Bilder sind eingetroffen",
    "source.failing": "Eine Quelle scheitert",
    "source.recovered": "Eine Quelle funktioniert wieder",
    "source.run.completed": "Ein Lauf einer Quelle ist beendet",
    "worker.online": "Ein Worker ist online",
    "worker.offline": "Ein Worker ist offline",
    "worker.evicted": "Ein Worker ist ausgeschlossen",
  },
  ping: "Ein Test",
  go: "Webhook hinzufügen",
  save: "Speichern",
  saved: "Webhook gespeichert.",
  secret: "Geheimnis",
  shownOnce:
    "Das Geheimnis wird nur einmal angezeigt. Speichern Sie es dort, wo der Empfänger es lesen kann.",
  receiver:
    "Wie die Signatur geprüft wird, mit einem Empfänger zum Kopieren: docs/how-to/receive-webhooks.md.",
  both: "Beide Geheimnisse signieren Ereignisse; das alte bis",

  natsAway: "Keine Ereignisse an den NATS-Server gesendet seit",
  natsAwayText: "Ereignisse warten einen Tag und werden gesendet, sobald er sie annimmt.",

  state: "Status",
  on: "ein",
  off: "aus",
  failing: "scheitert seit",
  waiting: "Wartend",
  failed: "Nicht zugestellt",
  made: "Angelegt",
  actions: "Aktionen",
  disabled: "Trapline hat den Webhook ausgeschaltet:",
  offText:
    "Der Webhook ist ausgeschaltet. Neue Ereignisse werden nicht gesendet; wartende Zustellungen bleiben erhalten.",
  switchOn: "Einschalten",
  switchOff: "Ausschalten",
  switchedOn: "Webhook eingeschaltet. Wartende Zustellungen werden gesendet.",
  switchedOff: "Webhook ausgeschaltet.",
  test: "Testen",
  arrived: (ms) => `Testereignis in ${formatCount(ms)} ms zugestellt.`,
  notArrived: (why) => `Testereignis nicht zugestellt: ${why}.`,
  rotate: "Neues Geheimnis",
  rotateAsk: "Neues Geheimnis erstellen?",
  rotateText:
    "Beide Geheimnisse signieren Ereignisse noch einen Tag lang, damit nichts verloren geht, während Sie das alte ersetzen.",
  rotateGo: "Geheimnis erstellen",
  remove: "Löschen",
  removeAsk: "Diesen Webhook löschen?",
  removeText: "Er erhält keine Ereignisse mehr, und sein Verlauf wird gelöscht.",
  removed: "Webhook gelöscht.",

  log: "Zustellungen",
  logText: "Die letzten 30 Tage, neueste zuerst.",
  noLog: "Noch wurde kein Ereignis gesendet.",
  noLogIn: "Keine Zustellung hat diesen Status.",
  states: { waiting: "wartet", delivered: "zugestellt", failed: "nicht zugestellt" },
  event: "Ereignis",
  at: "Zeit",
  answer: "Antwort",
  details: "Details",
  again: "erneut",
  attempts: (count) => formatPlural(count, "Versuch", "Versuche"),
  answered: (status, ms) => `Status ${status}, in ${formatCount(ms)} ms`,
  notYet: "noch nicht versucht",
  requestBody: "Inhalt der Anfrage",
  responseStart: "Anfang der Antwort",
  id: "webhook-id",
  replay: "Erneut senden",
  replayOne: (event) => `${event} erneut senden`,
  replayAll: (count) =>
    count === 1 ? "Erneut senden" : `Alle ${formatCount(count)} erneut senden`,
  replayed: (count) =>
    `${formatPlural(count, "Zustellung wird", "Zustellungen werden")} erneut versucht.`,
}
