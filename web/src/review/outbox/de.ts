import { choosePlural, formatCount, formatPlural } from "../../ui/de"
import type { Translation } from "../../ui/translation"
import type * as en from "./en"

const decisions = (count: number) => formatPlural(count, "Entscheidung", "Entscheidungen")
const wait = (count: number) => choosePlural(count, "wartet", "warten")

export const outboxTexts: Translation<typeof en.outboxTexts> = {
  title: "Noch nicht gespeicherte Entscheidungen",
  waiting: (count) => `${formatCount(count)} ${wait(count)}`,
  refused: (count) => `${formatCount(count)} abgelehnt`,
  label: (waiting, refused) =>
    [
      waiting ? `${decisions(waiting)} noch nicht gesendet` : "",
      refused ? `${decisions(refused)} abgelehnt` : "",
    ]
      .filter(Boolean)
      .join(", "),
  kept: "Sie sind in diesem Browser gespeichert und werden der Reihe nach gesendet, auch nach erneutem Laden oder Anmelden.",
  sending: (count) => `${decisions(count)} ${choosePlural(count, "wird", "werden")} gesendet.`,
  unreachable: (count) => `Der Server antwortet nicht. ${decisions(count)} ${wait(count)}.`,
  busy: (count, status) =>
    `Der Server konnte die älteste Entscheidung nicht speichern (${status}). ${decisions(count)} ${wait(count)}.`,
  offline:
    "Der Server antwortet nicht. Entscheidungen werden in diesem Browser gespeichert und gesendet, sobald er wieder antwortet.",
  failed:
    "Der Server konnte eine Entscheidung gerade nicht speichern. Entscheidungen werden in diesem Browser gespeichert und erneut gesendet.",
  now: "Jetzt senden",
  refusedTitle: "Abgelehnt",
  refusedHint:
    "Öffnen Sie das Bild und entscheiden Sie neu, senden Sie die Entscheidung erneut, oder verwerfen Sie sie.",
  unclear: (count) =>
    `Vielleicht hat der Server ${decisions(count)} gespeichert: Die Antwort ging verloren. Sehen Sie sich zuerst die Bilder an.`,
  refusedToast: (what, filename, why) =>
    `Abgelehnt: ${what}, ${filename}. ${why} Die Entscheidung steht unter „abgelehnt“.`.replace(
      "  ",
      " ",
    ),
  noReason: (status) => `Der Server hat sie abgelehnt (${status}).`,
  expired:
    "Sie wurde vor mehr als 30 Tagen getroffen und nicht gesendet. Vielleicht hat der Server sie bereits. Sehen Sie sich das Bild an, und senden oder verwerfen Sie sie dann.",
  newer: (by, what, at) =>
    `${by} hat über dieses Bild entschieden, nachdem Sie es gesehen haben: ${what}, ${at}. Diese Entscheidung bleibt erhalten. Senden Sie Ihre erneut, um sie zu ersetzen, oder verwerfen Sie Ihre.`,
  added: (count) =>
    [
      `${formatPlural(count, "Bild wurde", "Bilder wurden")} dieser Sequenz hinzugefügt, nachdem Sie sie gesehen haben.`,
      "Es wurde nichts gespeichert. Öffnen Sie die Sequenz, und senden oder verwerfen Sie diese Entscheidung dann.",
    ].join(" "),
  waitingTitle: "Wartend",
  more: (count) => `und ${formatCount(count)} weitere`,
  sendAgain: "Erneut senden",
  discard: "Verwerfen",
  discardTogether: (count) => `Alle ${formatCount(count)} verwerfen`,
  does: {
    confirm: "Bestätigen",
    correct: "Korrigieren zu",
    blank: "Leer",
    unsure: "Unsicher",
    comment: "Kommentar",
  },
  stated: {
    confirm: "Vorschlag übernommen",
    blank: "Leer",
    unsure: "Unsicher",
  },
  conflictTitle: (by, place) => `${by} hat ${place} vor Ihnen geprüft`,
  conflictVersions: (by, theirs, mine) => `${by}: ${theirs}. Sie: ${mine}.`,
  keepMine: "Meine behalten",
  keepTheirs: (by) => `Die von ${by} behalten`,
  changedTitle: (place) => `${place} hat sich geändert, nachdem Sie es gesehen haben`,
  current: "Jetzt",
  nothing: "nichts",
  keepNew: "Das neue Ergebnis behalten",
  show: "Anzeigen",
  goneTitle: (place) => `${place} wurde gelöscht`,
  goneVersions: (mine) =>
    `Das Bild ist im Papierkorb oder wurde gelöscht. Sie: ${mine}. Eigentümer können es wiederherstellen; senden Sie Ihre Entscheidung dann erneut.`,
  refusedTitleOf: (place) => `Abgelehnt: ${place}`,
  moreConflicts: (count) =>
    `${formatPlural(count, "weitere Entscheidung", "weitere Entscheidungen")} zu klären`,
  revokedTitle: "Sie können dieses Projekt nicht mehr prüfen",
  revokedText: (count) =>
    `${formatPlural(count, "Entscheidung wurde", "Entscheidungen wurden")} nicht gespeichert.`,
  download: "Herunterladen",
  discardAll: "Verwerfen",
  stoppedTitle: "Die Prüfung ist angehalten",
  goOn: "Fortsetzen",
  withdraw: "Zurückziehen",
  boxes: { create: "Rahmen zeichnen", update: "Rahmen ändern", delete: "Rahmen löschen" },
  stars: { set: "Stern setzen", removed: "Stern entfernen" },
  notYet: "noch nicht gesendet",
  later: (said) => `${said} Noch nicht gesendet.`,
  tookBack: (what, filename) => `Rückgängig gemacht: ${what}, ${filename}.`,
  full: "Diese Entscheidung wurde nicht gespeichert: Dieser Browser enthält so viele nicht gesendete Entscheidungen wie möglich. Senden oder verwerfen Sie zuerst einige.",
  noStorage:
    "Diese Entscheidung wurde nicht gespeichert: Der Browser erlaubt dieser Website nicht, Daten zu speichern. Erlauben Sie es, oder verlassen Sie den privaten Modus, und entscheiden Sie dann erneut.",
  atSignIn: (count) =>
    `${decisions(count)} ${wait(count)} in diesem Browser. Jede wird gesendet, wenn sich die Person, die sie getroffen hat, wieder anmeldet, und nie für eine andere Person.`,
  notLoaded:
    "Dieses Bild ist nicht geladen, weil der Server nicht antwortet. Es wird angezeigt, sobald er wieder antwortet.",
  noImage: "Keine Entscheidung erfasst: Das Bild ist noch nicht geladen.",
  nothingToConfirm:
    "Nichts erfasst: Für dieses Bild ist noch keine Analyse abgeschlossen, also gibt es nichts zu bestätigen.",
}

export const boxConflictTexts: Translation<typeof en.boxConflictTexts> = {
  changed: (by) => `${by} hat diesen Rahmen geändert, nachdem Sie ihn gesehen haben.`,
  withdrawn: (by) => `${by} hat diesen Rahmen gelöscht, nachdem Sie ihn gesehen haben.`,
  someone: "Eine andere Person",
  mine: "Ihr Rahmen",
  theirs: "Der gespeicherte Rahmen",
  deleted: "gelöscht",
  box: (label, width, height, x, y) => `${label}, ${width} × ${height} Pixel bei ${x}, ${y}`,
  point: (label, x, y) => `${label}, Punkt bei ${x}, ${y}`,
  polygon: (box, corners) => `${box}, Polygon mit ${formatPlural(corners, "Ecke", "Ecken")}`,
  keepMine: "Meinen behalten",
  keepTheirs: (by) => `Rahmen von ${by} behalten`,
  keepDeleted: "Gelöscht lassen",
}
