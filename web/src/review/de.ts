import { choosePlural, formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

const HELD_KINDS: Record<string, string> = {
  confirm: "✓ bestätigt",
  blank: "∅ leer",
  unsure: "? unsicher",
}

export const reviewTexts: Translation<typeof en.reviewTexts> = {
  title: "Prüfung",
  of: "Ziel",
  wholeImage: "das ganze Bild",
  chooseHint: "Wählen Sie einen Rahmen, um nur dieses Tier zu bestimmen.",
  does: {
    confirm: "Bestätigen",
    correct: "Korrigieren",
    blank: "Leer",
    unsure: "Unsicher",
    comment: "Kommentar",
  },
  undo: "Rückgängig",
  nothingToUndo: "Nichts rückgängig zu machen.",
  nothingToRedo: "Nichts zu wiederholen.",
  redone: (what, filename) => `Wiederholt: ${what}, ${filename}.`,
  noResult: "Noch keine Analyse dieses Bildes ist abgeschlossen: Bestimmen Sie es selbst.",
  said: {
    confirm: (what) => `Bestätigt: ${what}.`,
    correct: (what) => `Korrigiert: ${what}.`,
    blank: (what) => `Leer: ${what}.`,
    unsure: (what) => `Unsicher: ${what}.`,
    comment: () => "Kommentar gespeichert.",
  },
  withdrawn: "Zurückgezogen. Die vorherige Bestimmung gilt wieder.",
  isIt: "Was ist es?",
  isItHint: "Wählen Sie aus der Liste, oder tippen Sie einen Namen",
  inOwnWords: (name) => `„${name}“ wie getippt verwenden`,
  synonymOf: (name) => `Synonym von ${name}`,
  more: "Anzahl, Geschlecht, Altersstadium, Verhalten",
  count: "Anzahl",
  sex: "Geschlecht",
  lifeStage: "Altersstadium",
  behaviour: "Verhalten",
  notSpecified: "Nicht angegeben",
  sexes: { female: "Weiblich", male: "Männlich" },
  lifeStages: { adult: "Adult", subadult: "Subadult", juvenile: "Juvenil" },
  comment: "Kommentar",
  save: "Speichern",
  cancel: "Abbrechen",
  history: "Bestimmungen",
  kinds: {
    confirm: "bestätigt",
    correct: "korrigiert",
    blank: "leer",
    unsure: "unsicher",
    comment: "Kommentar",
  },
  ofImage: "ganzes Bild",
  ofOther: "eine ausgeblendete Erkennung",
  gone: "zurückgezogen",
  withdraw: "Zurückziehen",
  more100: "Die neuesten hundert werden angezeigt.",
  holds: (kind, label) => (kind === "correct" ? `→ ${label ?? ""}` : (HELD_KINDS[kind] ?? kind)),
  times: (count) => `× ${count}`,
}

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
    "Diese sind nicht gespeichert. Öffnen Sie das Bild und entscheiden Sie neu, senden Sie die Entscheidung erneut, oder verwerfen Sie sie.",
  refusedToast: (what, filename, why) =>
    `Nicht gespeichert: ${what}, ${filename}. ${why} Die Entscheidung steht unter „abgelehnt“.`.replace(
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
  refusedTitleOf: (place) => `Nicht gespeichert: ${place}`,
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
    "Nichts erfasst: Noch keine Analyse dieses Bildes ist abgeschlossen, also gibt es nichts zu bestätigen.",
}

const ofImages = (count: number) => formatPlural(count, "Bild", "Bildern")

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

export const reviewScreenTexts: Translation<typeof en.reviewScreenTexts> = {
  title: "Prüfen",
  back: "Zurück zu den Bildern",
  set: "Auswahl",
  setName: (isUnreviewed, filters) =>
    [
      isUnreviewed ? "Ungeprüft" : "Alle Bilder",
      filters ? formatPlural(filters, "weiterer Filter", "weitere Filter") : "",
    ]
      .filter(Boolean)
      .join(", "),
  order: "Reihenfolge",
  orders: {
    "-captured_at": "Neueste zuerst",
    captured_at: "Älteste zuerst",
    least_certain: "Unsicherste zuerst",
    models_disagree: "Widersprüche der Modelle zuerst",
    people_disagree: "Widersprüche der Personen zuerst",
    random: "Zufällige Stichprobe",
  },
  unit: "Einheit",
  units: { sequence: "Sequenzen", image: "Einzelbilder" },
  progress: (done, total) => `${formatCount(done)} von ${total} Bildern`,
  today: (images) => `${formatCount(images)} heute`,
  left: (minutes) =>
    minutes < 100
      ? `noch ${formatCount(minutes)} min`
      : `noch ${formatCount(Math.round(minutes / 60))} h`,
  reviewed: "Geprüft",
  saved: "Gespeichert",
  showKeys: "Alle Tasten anzeigen",
  needsReviewer: "Sie können Bilder ansehen, aber nicht prüfen.",
  needsReviewerHint: "Bitten Sie eine Person mit der Rolle Eigentümer um die Rolle Prüfer.",
  emptyTitle: "Kein Bild entspricht diesem Filter",
  emptyText: "Vielleicht sind alle Bilder schon geprüft, oder der Filter ist zu eng.",
  showAll: "Alle Bilder prüfen",
  toImages: "Zurück zu den Bildern",
  sequenceOf: (count) => (count === 1 ? "Einzelbild" : `Sequenz aus ${ofImages(count)}`),
  singleImage: "Einzelbild",
  stage: "Bild",
  strip: "Bilder der Sequenz",
  next: "Nächste",
  decision: "Entscheidung",
  offset: (seconds) =>
    seconds === 0
      ? "0 s"
      : seconds < 100
        ? `+${formatCount(Math.round(seconds))} s`
        : `+${formatCount(Math.round(seconds / 60))} min`,
  frame: (number, total) => `Bild ${number} von ${total}`,
  blankProposal: "Leer",
  nothingYet: "Noch kein Ergebnis",
  nothingYetHint:
    "Noch keine Analyse dieser Bilder ist abgeschlossen. Weisen Sie eine Art zu, oder gehen Sie weiter.",
  inImages: (found, total) =>
    total === 1 ? "" : `auf ${formatCount(found)} von ${ofImages(total)}`,
  noBoxes: (total) => (total === 1 ? "Nichts gefunden" : `Nichts gefunden auf ${ofImages(total)}`),
  byPerson: "von einer Person entschieden",
  accept: (what) => `${what} übernehmen`,
  acceptBox: (number) => `Rahmen ${number} übernehmen`,
  keep: "Beibehalten und weiter",
  announce: (unit, time, accept) => `${unit}, ${time}. ${accept}.`,
  skip: "Weiter",
  times: (name, count) => (count === null ? name : `${name} × ${count}`),
  blank: "Leer",
  unsure: "Unsicher",
  change: "Art ändern",
  assign: "Zuweisen und weiter",
  assignBox: "Diesem Rahmen zuweisen",
  proposed: "vorgeschlagen",
  editPalette: "Palette bearbeiten",
  editPaletteHint:
    "Legen Sie eine Art fest auf eine Taste, damit sie dort für alle Prüfenden bleibt. Die anderen Tasten haben die häufigsten Arten.",
  speciesOfKey: (key) => `Art der Taste ${key}`,
  changeKey: (key, name) => `Taste ${key}: ${name ?? "frei"}. Art ändern`,
  freeKey: "Frei",
  mostFrequent: "häufigste",
  pin: (name) => `${name} festlegen`,
  unpin: (name) => `${name} nicht mehr festlegen`,
  paletteSaved: "Palette gespeichert.",
  individual: "Individuum",
  individualOf: (species) => `Individuum: ${species}`,
  individualHint: "Name des Individuums",
  individualText: (species, name) => `${species}, ${name}`,
  individualNote: (names, count) => `${names.join(", ")}, ${formatPlural(count, "Bild", "Bilder")}`,
  individualNeedsOne: "Wählen Sie den Rahmen eines Tieres, um das Individuum zu benennen.",
  newIndividual: (name) => `„${name}“ anlegen`,
  isNewIndividual: "Neues Individuum dieses Projekts",
  noIndividuals:
    "In diesem Projekt ist noch kein Individuum benannt. Tippen Sie einen Namen, um eines anzulegen.",
  loading: "Wird geladen",
  noCameraTime: "keine Kamerazeit",
  noPalette: "Hier erscheinen die häufigsten Arten des Projekts.",
  lastDecision: "Letzte Entscheidung",
  undo: "Rückgängig",
  nothingToUndo: "Nichts rückgängig zu machen.",
  nothingToRedo: "Nichts zu wiederholen.",
  nothingToRepeat: "Es wurde noch keine Art zugewiesen.",
  repeat: (name) => `${name} wiederholen`,
  count: "Anzahl",
  countOfOneSpecies: (count) =>
    [
      `Nichts erfasst: Die Anzahl ${formatCount(count)} erfordert genau eine Art.`,
      "Weisen Sie eine Art zu, oder drücken Sie Esc, um die Anzahl zu entfernen.",
    ].join(" "),
  fewer: "Eins weniger",
  more: "Eins mehr",
  typing: (digits) => (digits === "" ? "Tippen Sie die Anzahl" : digits),
  star: "Stern",
  comment: "Kommentar",
  commentHint: "Eine Bemerkung zu diesem Bild, ohne Entscheidung",
  commented: "Kommentar",
  save: "Speichern",
  yours: (what) => `Ihre Entscheidung: ${what}`,
  search: "Art",
  boxGone: "Der ausgewählte Rahmen wurde inzwischen gelöscht. Es wurde nichts entschieden.",
  searchFailed:
    "Die Artenliste ist nicht verfügbar. ↓ und die Eingabetaste speichern den Namen wie eingegeben.",
  searchHint: "Wissenschaftlicher oder gebräuchlicher Name",
  cancel: "Abbrechen",
  recent: "Zuletzt verwendet",
  observed: "In diesem Projekt beobachtet",
  asTyped: (name) => `„${name}“ wie getippt verwenden`,
  synonymOf: (name) => `Synonym von ${name}`,
  enterHint: "Zuweisen und weiter",
  stayHint: "Zuweisen und bleiben",
  doneTitle: (count) => `${count} geprüft`,
  doneText: "Das war das letzte Element dieser Auswahl.",
  doneSpecies: (count) =>
    `${formatPlural(count, "Art", "Arten")}. Jede Kachel zeigt ein Bild mit Stern oder das mit der höchsten Konfidenz.`,
  moreSpecies: (count) => `und ${formatPlural(count, "weitere Art", "weitere Arten")}`,
  decisionsIn: (count, minutes) => `${decisions(count)} in ${formatCount(minutes)} min`,
  checkRandom: "Zufällige Bilder kontrollieren",
  reviewUnsure: "Unsichere Bilder prüfen",
  toOverview: "Übersicht öffnen",
  yourDecisions: "Ihre Entscheidungen",
  kinds: {
    confirm: "Übernommen",
    correct: "Art zugewiesen",
    blank: "Leer",
    unsure: "Unsicher",
    comment: "Kommentare",
    box: "Rahmen",
  },
  newImages: "Nach weiteren Bildern suchen",
  of: (number, total) => `Rahmen ${number} von ${total}`,
  whole: "Ganze Sequenz",
  review: (count) => `${count} prüfen`,
}

export const imageToolTexts: Translation<typeof en.imageToolTexts> = {
  title: "Bildwerkzeuge",
  zoom: "Auf Rahmen vergrößern",
  play: "Sequenz abspielen",
  night: "Nachteinstellung",
  sliders: "Helligkeit, Kontrast, Gamma",
  adjustments: "Bildanpassungen",
  reset: "Zurücksetzen",
  names: { brightness: "Helligkeit", contrast: "Kontrast", gamma: "Gamma" },
  percent: (value) => `${value} %`,
  remembered: (deployment) => `Für ${deployment} gemerkt`,
}

export const reviewKeys: Translation<typeof en.reviewKeys> = [
  {
    name: "Entscheiden und weiter",
    keys: [
      ["Enter oder y", "Vorschlag übernehmen"],
      ["1 bis 9", "Art der Liste zuweisen"],
      ["0 oder n", "leer"],
      ["u", "unsicher"],
      ["x", "Art suchen"],
      ["r", "letzte Art wiederholen"],
      ["c, Ziffern", "Anzahl"],
      ["i", "Individuum benennen"],
    ],
  },
  {
    name: "Ein Rahmen oder Bild",
    keys: [
      ["Tab", "nächster Rahmen"],
      ["d", "Rahmen zeichnen: Pfeile, Umschalt + Pfeile, Enter"],
      ["p", "Punkt setzen, wenn das Projekt Punkte nutzt: Pfeile, Enter"],
      ["l", "Polygon zeichnen, wenn das Projekt sie nutzt: Pfeile, Leertaste, Enter"],
      ["e", "ausgewählten Rahmen ändern"],
      ["Entf", "ausgewählten Rahmen löschen"],
      ["f", "auf den Rahmen vergrößern"],
      ["g", "Lupe"],
      ["h, gehalten", "Rahmen ausblenden"],
      ["Leertaste", "Sequenz abspielen"],
      ["b", "Nachteinstellung"],
      ["v", "Helligkeit, Kontrast, Gamma"],
      ["s", "Stern"],
      ["m", "Kommentar"],
    ],
  },
  {
    name: "Bewegen",
    keys: [
      ["← →", "vorheriges, nächstes Bild der Sequenz"],
      ["J K", "nächste, vorherige Sequenz"],
      ["z", "letzte Entscheidung rückgängig machen"],
      ["Umschalt + z", "wiederholen"],
      ["Esc", "eine Ebene zurück"],
      ["?", "diese Tasten anzeigen"],
    ],
  },
]

export const sequenceChangeTexts: Translation<typeof en.sequenceChangeTexts> = {
  actions: "Sequenz",
  split: "Hier teilen",
  merge: "Mit voriger verbinden",
  splitDone: "Sequenz geteilt.",
  mergeDone: "Sequenzen verbunden.",
  undone: "Änderung der Sequenz rückgängig gemacht.",
  undo: "Rückgängig",
  noPrevious: "Keine frühere Sequenz dieser Kamera. Nichts wurde geändert.",
}
