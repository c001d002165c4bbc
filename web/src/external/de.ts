import { formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const integrationTexts: Translation<typeof en.integrationTexts> = {
  keys: "Callback-Schlüssel",
  checker: "Signaturprüfung",
  make: "Schlüssel erstellen",
  noneTitle: "Noch kein Schlüssel",
  none: "Eine externe Pipeline signiert ihre Anfragen. Erstellen Sie einen Schlüssel für ihren Dienst, und setzen Sie ihn in der Umgebung der Pipeline.",
  keysText:
    "Externe Pipelines signieren ihre Anfragen mit diesen Schlüsseln. Jeder Schlüssel gehört zu einem Dienst und gilt für die aufgeführten Projekte.",
  onlyOwners: "Nur die Rolle Eigentümer erstellt, erneuert und widerruft Schlüssel.",
  onlyOwnersCheck:
    "Nur die Rolle Eigentümer prüft Signaturen. Bitten Sie eine Person mit dieser Rolle, sich die Anfrage anzusehen.",
  guide: "Wie man signiert, mit Programmen zum Kopieren: docs/external-pipelines, und die",
  sharedOff:
    "Solange der Server das gemeinsame Geheimnis annimmt, kann jeder, der es kennt, in jede Analyse schreiben. Wenn jede Pipeline mit ihrem eigenen Schlüssel signiert, bitten Sie den Betreiber, das gemeinsame Geheimnis abzuschalten:",
  key: "Schlüssel",
  service: "Dienst",
  name: "Name",
  projects: "Projekte",
  made: "Erstellt",
  used: "Zuletzt verwendet",
  state: "Status",
  actions: "Aktionen",
  active: "aktiv",
  revoked: "widerrufen",
  replacing: "der neuere Schlüssel wurde noch nicht verwendet",
  replaced: "der neuere Schlüssel ist in Gebrauch: widerrufen Sie diesen",
  beside: "in Gebrauch, zusammen mit einem neueren Schlüssel",
  rotate: "Erneuern",
  rotateOne: (key) => `${key} erneuern`,
  revoke: "Widerrufen",
  revokeOne: (key) => `${key} widerrufen`,
  makeTitle: "Callback-Schlüssel erstellen",
  serviceHint:
    "Das Programm, das die Pipeline ausführt, etwa deer-net. Ein neuer Name legt einen neuen Dienst an.",
  nameHint: "Wo der Schlüssel verwendet wird, etwa der Name des Rechners.",
  makeGo: "Schlüssel erstellen",
  alsoFor: (count) =>
    count === 0
      ? "Gilt für dieses Projekt; wählen Sie weitere"
      : `Gilt für dieses Projekt und ${formatPlural(count, "weiteres", "weitere")}`,
  shownOnce:
    "Das Geheimnis wird nur einmal angezeigt. Trapline speichert es verschlüsselt und kann es nicht wieder anzeigen.",
  secret: "Geheimnis",
  environment: "Für die Umgebung der Pipeline",
  rotateTitle: (name) => `„${name}“ erneuern`,
  rotateGo: "Zweiten Schlüssel erstellen",
  rotateSteps: (service, key) => [
    `Jetzt wird ein zweiter Schlüssel für ${service} erstellt. Beide Schlüssel gelten gleichzeitig, also steht nichts still.`,
    "Setzen Sie den zweiten Schlüssel in der Pipeline, und führen Sie sie aus.",
    `Wenn bei „Zuletzt verwendet“ des zweiten Schlüssels eine Zeit steht, widerrufen Sie ${key}.`,
  ],
  rotateLeft: (projects) =>
    `Der alte Schlüssel gilt auch für ${projects.join(", ")}; dort haben Sie nicht die Rolle Eigentümer, und der zweite Schlüssel gilt dort nicht. Fragen Sie dort nach, bevor Sie den alten Schlüssel widerrufen.`,
  rotated: (key) =>
    `Beide Schlüssel gelten jetzt. Setzen Sie diesen in der Pipeline, und widerrufen Sie dann ${key}.`,
  revokeAsk: (name) => `„${name}“ widerrufen?`,
  revokeText: (key, projects) =>
    `Mit ${key} signierte Anfragen werden abgelehnt, in ${projects.join(", ")}. Damit gesendete Ergebnisse bleiben erhalten. Dies lässt sich nicht rückgängig machen.`,
  revokeGo: "Schlüssel widerrufen",
  revokedToast: "Schlüssel widerrufen. Damit signierte Anfragen werden abgelehnt.",
  checkerText:
    "Fügen Sie eine Anfrage ein, die mit 401 abgelehnt wurde, um zu sehen, welcher Teil ihrer Signatur falsch ist. Nichts wird gespeichert, und kein Geheimnis ist nötig.",
  paste: "Die Anfrage",
  pasteHint:
    "Ein curl-Befehl, oder rohes HTTP mit Headern und Inhalt. Nur die Header X-ML- werden geprüft.",
  pasteExample:
    'PATCH /api/analyses/…/status HTTP/1.1\nX-ML-Timestamp: 1767225600\nX-ML-Signature: v2=…\n\n{"status": "processing"}',
  notes: {
    unread: "Dies ist weder ein curl-Befehl noch rohes HTTP. Füllen Sie die Felder unten aus.",
    repeated:
      "Ein Header kommt mehrfach vor: Das lehnt der Server ab. Der erste Header wird geprüft.",
    variable:
      "Die Anfrage enthält eine Variable der Shell. Geben Sie den Wert ein, der gesendet wurde.",
    file: "Der Inhalt stammt aus einer Datei. Fügen Sie deren Inhalt unten ein.",
    form: "Die Bytes eines mehrteiligen Formulars lassen sich hier nicht bestimmen. Callbacks verwenden JSON.",
  },
  byHand: "Gelesene Anfrage; korrigieren Sie sie, wenn sie falsch ist",
  method: "Methode",
  target: "Pfad und Query",
  onlyV2: "Nur in Version 2.",
  body: "Inhalt",
  bodyHint: "Byte für Byte, wie er gesendet wurde; jedes Leerzeichen und jeder Umbruch zählt.",
  signed: "Was Sie signiert haben",
  signedHint:
    "Der Text, den Ihr Programm an HMAC übergibt: Das erste abweichende Byte wird angezeigt.",
  check: "Signatur prüfen",
  result: "Ergebnis",
  noResult: "Das Ergebnis steht hier.",
  holds: "Die Signatur ist gültig.",
  holdsNot: "Die Signatur ist nicht gültig.",
  well: "ist gültig",
  wrong: "ist falsch",
  unseen: "Wegen des Fehlers oben nicht geprüft.",
  parts: { headers: "Header", timestamp: "Zeit", key: "Schlüssel", signature: "Signatur" },
  wrongSecret:
    "Sie haben die richtige Nachricht signiert: Das Geheimnis oder der Digest weicht ab. Der Digest ist HMAC-SHA256 mit dem Text des Geheimnisses als Schlüssel, als 64 hexadezimale Ziffern.",
  expected: "Erwartete Nachricht",
  expectedV2:
    "Sieben Zeilen: Version, Zeit, Nonce, Methode, Pfad, Query ohne Fragezeichen und SHA-256 des Inhalts; dazwischen je ein Zeilenumbruch, am Ende keiner.",
  expectedV1: "Die Zeit, ein Punkt und der Inhalt.",
  serverSigns: "Der Server signiert",
  youSigned: "Sie haben signiert",
  same: "Ihre Nachricht ist identisch.",
  end: "das Ende",
  differs: (byte, expected, signed) =>
    `Ab Byte ${formatCount(byte)} weichen sie ab: Der Server hat dort ${expected}, Sie haben ${signed}.`,
  bytes: {
    end: "das Ende des Textes",
    newline: "einen Zeilenumbruch",
    carriage: "einen Wagenrücklauf",
    space: "ein Leerzeichen",
    tab: "einen Tabulator",
  },
  apiDocs: "API-Dokumentation",
}
