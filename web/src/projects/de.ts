import { formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const settingsTexts: Translation<typeof en.settingsTexts> = {
  title: "Einstellungen",
  general: "Projekt",
  observations: "Beobachtungen",
  taxa: "Taxa",
  sensitiveTaxa: "Sensible Taxa",
  notices: "E-Mail",
  onlyOwners:
    "Nur die Rolle Eigentümer ändert die Einstellungen des Projekts. Ihre eigenen Einstellungen stehen unter Konto.",
  audit: "Protokoll",
  project: "Projekt",
  automatic: "Automatische Pipeline",
  automaticHint: "Jedes neue Bild kommt in ihre Warteschlange.",
  noAutomatic: "Keine: Bilder warten, bis ein Auftrag gestartet wird",
  gap: "Abstand zwischen Sequenzen, Sekunden",
  shapes: "Formen zum Zeichnen",
  shapeNames: { box: "Rahmen", point: "Punkte", polygon: "Polygone" },
  shapesHint:
    "Review und Bildansicht bieten diese Formen an. Gespeicherte Formen werden immer angezeigt.",
  saved: "Einstellungen gespeichert.",
  members: "Mitglieder",
  account: "Konto",
  people: "Personen",
}

export const projectTexts: Translation<typeof en.projectTexts> = {
  newTitle: "Neues Projekt",
  firstTitle: "Ihr erstes Projekt",
  name: "Name",
  description: "Beschreibung",
  nameHint: "Zum Beispiel der Ort oder die Fragestellung: „Luchse im Schwarzwald“.",
  go: "Projekt anlegen",
  made: (name) => `Projekt „${name}“ angelegt.`,
  onlyOperators:
    "Hier legen nur Betreiber Projekte an. Bitten Sie einen Betreiber dieses Servers, eines anzulegen und Ihnen die Rolle Eigentümer zu geben.",
  intro:
    "Ein Projekt enthält Standorte, ihre Bilder und die Erkennungen darauf. Mitglieder sehen nur ihre eigenen Projekte.",
}

export const memberTexts: Translation<typeof en.memberTexts> = {
  add: "Mitglied hinzufügen",
  addGo: "Hinzufügen",
  addHint: "Die Person braucht ein Konto. Ein Betreiber dieses Servers lädt Personen ein.",
  addHintOperator: "Die Person braucht ein Konto: Senden Sie zuerst unter Personen eine Einladung.",
  added: (email) => `${email} hinzugefügt.`,
  alone: "Sie sind das einzige Mitglied. Fügen Sie Mitglieder hinzu, um dieses Projekt zu teilen.",
  changed: "Rolle geändert.",
  count: (count) => formatPlural(count, "Mitglied", "Mitglieder"),
  email: "E-Mail",
  leave: "Verlassen",
  leaveAsk: "Dieses Projekt verlassen?",
  leaveText:
    "Sie verlieren den Zugang zu diesem Projekt. Die Rolle Eigentümer kann Sie wieder hinzufügen.",
  may: {
    viewer: "sieht das Projekt",
    reviewer: "prüft auch Bilder",
    manager: "fügt auch Bilder, Quellen, Aufträge und Exporte hinzu",
    owner: "verwaltet auch Mitglieder und Geheimnisse, löscht Bilder und das Projekt",
  },
  members: "Mitglieder",
  membersText:
    "Mitglieder dieses Projekts. Jede Rolle hat auch die Berechtigungen der Rollen davor.",
  notYours: "Die Rolle Eigentümer verwaltet Mitglieder.",
  remove: "Entfernen",
  removeAsk: (name) => `${name} aus dem Projekt entfernen?`,
  removeOf: (name) => `${name} entfernen`,
  removeText: "Die Person verliert sofort den Zugang. Ihre Arbeit bleibt erhalten.",
  removed: "Mitglied entfernt.",
  role: "Rolle",
  roleOf: (name) => `Rolle von ${name}`,
  roles: {
    viewer: "Betrachter",
    reviewer: "Prüfer",
    manager: "Verwalter",
    owner: "Eigentümer",
  },
  states: { invited: "eingeladen", active: "aktiv", deactivated: "gesperrt" },
  unnamed: "Noch kein Name",
  you: "Sie",
}

export const projectEndTexts: Translation<typeof en.projectEndTexts> = {
  images: (count) => formatPlural(count, "Bild", "Bilder"),
  archive: "Archivieren",
  archiveText:
    "Ein archiviertes Projekt ist schreibgeschützt: Seine Quellen pausieren, und seine Aufgaben warten, bis die Archivierung aufgehoben wird. Exporte können weiter erstellt werden.",
  archived: "Projekt archiviert.",
  deleteGo: "Projekt löschen",
  deleteName: (name) => `Tippen Sie zur Bestätigung den Namen des Projekts, „${name}“`,
  deleteText:
    "Das Projekt wird ausgeblendet, und seine Quellen und Webhooks pausieren. Eine Zeit lang lässt es sich wiederherstellen; dann wird es mit allen Bildern und Erkennungen endgültig gelöscht.",
  deleteTitle: "Projekt löschen",
  deleted: (name) => `„${name}“ gelöscht. Eine Zeit lang lässt es sich wiederherstellen.`,
  deletedText:
    "Gelöschte Projekte lassen sich wiederherstellen, bis sie endgültig gelöscht werden.",
  deletedTitle: "Gelöschte Projekte",
  endTitle: "Archivieren oder löschen",
  deletedAfter: "Endgültig gelöscht",
  restore: "Wiederherstellen",
  restoreOf: (name) => `${name} wiederherstellen`,
  restored: (name) => `„${name}“ wiederhergestellt.`,
  unarchive: "Archivierung aufheben",
  unarchived: "Archivierung aufgehoben.",
}

export const publicAccessTexts: Translation<typeof en.publicAccessTexts> = {
  images: (count) => formatPlural(count, "Bild", "Bilder"),
  made: "Das Projekt ist öffentlich.",
  unmade: "Das Projekt ist privat.",
  unmake: "Privat machen",
  makePublic: "Öffentlich machen",
  title: "Sichtbarkeit",
  isPublic: "Alle, die die URL haben, können dieses Projekt ohne Konto sehen.",
  private: "Nur Mitglieder können dieses Projekt sehen.",
  shown: (shown, hidden, newest) =>
    `${newest ? "Von den neuesten 10.000 Bildern sind für Gäste" : "Für Gäste"} sichtbar: ${shown}. Verborgen: ${hidden}.`,
  unknown: (classes) =>
    `Bilder mit diesen Klassen sind verborgen, weil sie keine bekannten Tiere sind: ${classes}. Ordnen Sie ihnen Taxa zu, um sie zu zeigen.`,
  look: "Als Gast ansehen",
  askBack: "Dieses Projekt wieder privat machen?",
  ask: "Dieses Projekt öffentlich machen?",
  askBackText:
    "Gäste verlieren sofort den Zugang. Dateien, die sie gespeichert haben, sind nicht betroffen.",
  seenTitle: "Gäste sehen",
  seen: [
    "Name und Beschreibung des Projekts: prüfen Sie, dass dort keine Personen oder Orte genannt sind",
    "Bilder, auf denen jede Klasse ein bekanntes Tier ist, und leere Bilder, verkleinert, mit Rahmen, Klassen, Datum und Zeitzone",
    "die Anzahl der Bilder jeder Klasse, nach Kameras mit den Namen Kamera 1, Kamera 2",
  ],
  withheldTitle: "Gäste sehen nicht",
  withheld: [
    "Bilder mit Menschen, Fahrzeugen oder etwas, das kein bekanntes Tier ist, noch nicht analysierte, gelöschte und solche mit dem Schlagwort „private“",
    "Positionen, Namen und alle anderen Felder der Kameras, Schlagwörter und Sterne",
    "die Originaldateien mit EXIF und Namen",
    "Mitglieder, E-Mail-Adressen, das Protokoll, Quellen, Aufträge, Worker und alles andere",
  ],
  care: "Ein Modell kann einen Menschen übersehen, und ein Modell, das nur Tiere kennt, findet keine Menschen. Text, den die Kamera in das Bild schreibt, ist sichtbar. Prüfen Sie die Bilder vorher.",
}

export const integrationTabTexts: Translation<typeof en.integrationTabTexts> = {
  title: "Integrationen",
  keys: "Callback-Schlüssel",
  checker: "Signaturprüfung",
  webhooks: "Webhooks",
  presets: "Vorlagen",
}
