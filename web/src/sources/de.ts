import { choosePlural, formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

const files = (count: number) => formatPlural(count, "Datei", "Dateien")

/** The server describes schedules in English; others are shown as their cron expression. */
export const formatSchedule: typeof en.formatSchedule = (cron, _description) =>
  sourceTexts.schedules[cron] ?? cron

/** The server describes gateways in English; those without a translation are shown like that. */
export const translateGateway: typeof en.translateGateway = (key, text) =>
  GATEWAY_TEXTS[key] ?? text

const GATEWAY_TEXTS: Record<string, string> = {
  http: "Web-Ordner",
  "http:hint":
    "Ein Ordner, den ein Webserver auflistet, mit Unterordnern: nginx, Apache, Caddy, lighttpd, IIS und andere.",
  "ftp:hint":
    "Ein Ordner eines FTP-Servers; mit ftps:// oder explizitem TLS, wenn der Server es anbietet.",
  "sftp:hint":
    "Ein Ordner eines Rechners, der über SSH erreichbar ist, mit Passwort oder Schlüssel.",
  "sftp.key": "Privater Schlüssel",
  "sftp.key:hint": "Im Format OpenSSH oder PEM, ohne Passphrase. Anstelle eines Passworts.",
  "sftp.host_key": "Hostschlüssel",
  "sftp.host_key:hint":
    "Der öffentliche Schlüssel des Servers, der seine Identität beweist. Lassen Sie das Feld leer, und testen Sie: Der Schlüssel, den der Server sendet, wird Ihnen angeboten.",
  "s3:hint":
    "Ein Bucket von AWS oder einem anderen S3-Dienst, oder was darin mit einem Präfix beginnt.",
  "s3.endpoint": "Endpunkt",
  "s3.endpoint:hint": "Wo der Dienst ist. Leer für AWS.",
  "s3.key": "Zugriffsschlüssel",
  "s3.key:hint": "Leer für einen öffentlichen Bucket.",
  "s3.secret": "Geheimer Schlüssel",
  folder: "Ordner oder Karte",
  "folder:hint":
    "Eine Festplatte, eine Netzwerkfreigabe oder eine SD-Karte des Rechners, auf dem Trapline läuft, wenn der Betreiber es erlaubt.",
  "rest:hint":
    "Eine Web-Schnittstelle, die Dateien seitenweise als JSON auflistet. Sie geben an, wo die Felder in der Antwort stehen.",
  "rest.mapping": "Felder der Antwort",
  "rest.mapping:hint":
    "Namen mit Punkten, etwa data.items; eine Zahl ist ein Index in einer Liste.",
  "rest.mapping.items": "Liste der Dateien",
  "rest.mapping.items:hint": "Leer: Die Antwort ist die Liste.",
  "rest.mapping.url": "Link zur Datei",
  "rest.mapping.name": "Dateiname",
  "rest.mapping.time": "Zeit",
  "rest.mapping.size": "Größe in Byte",
  "rest.mapping.next": "Nächste Seite",
  "rest.mapping.next:hint": "Ein Link oder ein Cursor.",
  "rest.mapping.next_parameter": "Parameter für den Cursor",
  "rest.mapping.next_parameter:hint": "Query-Parameter der nächsten Seite; leer bei einem Link.",
  "rest.file_origins": "Weitere Hosts von Dateien",
  "rest.file_origins:hint":
    "Andere Server, etwa https://cdn.example, durch Kommas getrennt. Sie erhalten die Zugangsdaten nicht.",
  "websocket:hint":
    "Ein Server, der über einen WebSocket eine Nachricht sendet, wenn es eine neue Datei gibt.",
  "websocket.listing_url": "Web-Ordner, der sie auflistet",
  "websocket.listing_url:hint":
    "Wird nach Zeitplan abgefragt, damit auch Dateien importiert werden, die während einer Unterbrechung fehlten.",
  "websocket.files_url": "Basis-URL der Dateien",
  "websocket.files_url:hint": "Wenn sie nicht dieser Ordner ist.",
}

export const sourceTexts: Translation<typeof en.sourceTexts> = {
  title: "Quellen",
  add: "Quelle hinzufügen",
  edit: "Quelle bearbeiten",
  noneTitle: "Noch keine Quelle",
  none: "Eine Quelle ist ein Ort, an den Kameras hochladen. Trapline fragt sie nach einem Zeitplan ab und importiert neue Dateien.",
  onlyManagers: "Nur die Rollen Verwalter und Eigentümer fügen Quellen hinzu.",
  failing: (count) =>
    `${formatPlural(count, "Quelle hat ein Problem", "Quellen haben Probleme")}. Die anderen laufen weiter.`,

  kind: "Art",

  url: "URL",
  name: "Name",
  nameHint: "Wenn leer, ist die URL der Name.",
  deployment: "Standort",
  auth: "Anmeldung",
  auths: {
    none: "Keine",
    basic: "Benutzer und Passwort",
    bearer: "Bearer-Token",
    header: "Header",
  },
  user: "Benutzer",
  anonymous: "Leer für eine anonyme Anmeldung.",
  password: "Passwort",
  bearer: "Token",
  header: "Header",
  headerHint: "Der ganze Wert von Authorization, oder Name: Wert.",
  secretSet: "Gespeichert und nie wieder angezeigt.",
  secretReplaced: "Das gespeicherte Geheimnis wird beim Speichern ersetzt.",
  secretDeleted: "Das gespeicherte Geheimnis wird beim Speichern gelöscht.",
  replace: "Ersetzen",
  deleteSecret: "Geheimnis löschen",
  keepSecret: "Behalten",
  key: "Zugriffsschlüssel",
  secret: "Geheimer Schlüssel",
  hostKeyUnknown: "Dieser Server ist noch nicht bekannt; ihm wurde nichts gesendet.",
  hostKeyShown:
    "Der Server sendete den folgenden Schlüssel. Vergleichen Sie ihn oder seinen Fingerabdruck mit dem Schlüssel, den der Besitzer des Servers Ihnen nennt, oder mit ssh-keyscan localhost auf diesem Server.",
  hostKeyTake: "Diesen Hostschlüssel annehmen",

  schedule: "Zeitplan",
  schedules: {
    "*/5 * * * *": "alle 5 Minuten",
    "*/15 * * * *": "alle 15 Minuten",
    "0 * * * *": "jede volle Stunde",
    "0 */6 * * *": "alle 6 Stunden",
    "0 6 * * *": "täglich um 06:00",
    "0 6 * * 1": "jeden Montag um 06:00",
  },
  custom: "anderer (cron)",
  cron: "Cron-Ausdruck",
  cronHint: "Minute, Stunde, Tag, Monat, Wochentag; in der Zeitzone des Standorts.",
  maxFiles: "Dateien je Lauf, höchstens",
  maxFilesHint: "0 bedeutet keine Grenze.",
  order: "Reihenfolge",
  orders: { oldest: "Älteste zuerst", newest: "Neueste zuerst" },
  minAge: "Dateien auslassen, die jünger sind als, Sekunden",
  concurrency: "Dateien gleichzeitig",
  rateLimit: "Anfragen je Sekunde, höchstens",
  rateLimitHint: "Leer bedeutet keine Grenze.",
  include: "Nur einschließen",
  exclude: "Ausschließen",
  patternsHint: "Muster wie *.jpg, durch Kommas getrennt.",
  timePattern: "Zeit im Dateinamen",
  timePatternHint: "Zum Beispiel Aufnahme_YYMMDD_HHMM_*",

  test: "Testen",
  testing: "Verbindung wird aufgebaut, die ersten Bilder werden heruntergeladen",
  testOk: "Die Quelle funktioniert.",
  testNot: "Die Quelle funktioniert noch nicht.",
  notFetched: "nicht abgerufen",
  timeSources: {
    exif: "aus EXIF",
    filename: "aus dem Namen",
    modified_time: "Änderungszeit",
    received_time: "Zeit des Eintreffens",
  },
  file: "Datei",
  size: "Größe",
  moreFiles: (count) => `und ${formatPlural(count, "weitere Datei", "weitere Dateien")}`,
  nothingKept: "Es wurde nichts gespeichert.",
  saveGo: "Quelle hinzufügen",
  saveAnyway: "Trotzdem hinzufügen",
  saved: (name) => `Quelle „${name}“ hinzugefügt. Ihr erster Lauf beginnt in einer Minute.`,
  changed: "Quelle gespeichert.",

  run: "Jetzt abfragen",
  running: "Lauf gestartet.",
  pause: "Pausieren",
  resume: "Fortsetzen",
  paused: "Quelle pausiert.",
  resumed: "Quelle fortgesetzt.",
  lastRun: "Letzter Lauf",
  nextRun: "Nächster Lauf",
  notPlanned: "nicht geplant",
  signedInAs: (user) => `als ${user}`,
  signIn: "Anmeldung",
  noSignIn: "keine",
  sick: "Es wird automatisch in wachsenden Abständen erneut versucht. Importierte Bilder bleiben erhalten.",
  goesOn: (listed, taken) =>
    `Ein Lauf ist im Gang: bisher ${files(listed)} aufgelistet, ${formatCount(taken)} importiert.`,
  leave: "Sie können diese Seite verlassen.",

  files: "Dateien",
  noFiles: "Noch keine Dateien.",
  noFilesIn: {
    seen: "Keine Datei wartet.",
    imported: "Noch wurde nichts importiert.",
    duplicate: "Keine Datei war ein Duplikat.",
    skipped: "Nichts wurde übersprungen.",
    failed: "Keine Datei ist fehlgeschlagen.",
    quarantined: "Keine Datei ist in Quarantäne.",
  },
  statesMeant: {
    seen: "Bekannt. Diese Dateien werden bei einem der nächsten Läufe importiert.",
    duplicate: "Eine Datei mit demselben Inhalt ist schon ein Bild dieses Standorts.",
    skipped:
      "Aus dem angegebenen Grund nicht importiert. Sie werden erneut geprüft, wenn sie sich ändern.",
    failed: "Wird automatisch in wachsenden Abständen erneut versucht.",
    quarantined:
      "Nach mehreren Versuchen nicht mehr wiederholt. Sie bleiben hier, bis Sie sie wiederholen.",
  },
  why: "Grund",
  state: "Status",
  modified: "Geändert",
  attempts: (count) => formatPlural(count, "Versuch", "Versuche"),
  triedAgain: "Nächster Versuch",
  retryAll: (count) =>
    count === 1 ? "Erneut versuchen" : `Alle ${formatCount(count)} erneut versuchen`,
  retryOne: "Erneut versuchen",
  retryFile: (path) => `${path} erneut versuchen`,
  retried: (count) =>
    `${formatPlural(count, "Datei wird", "Dateien werden")} beim nächsten Lauf erneut versucht. „Jetzt abfragen“ versucht ${choosePlural(count, "sie", "sie alle")} sofort.`,

  unlisted: (count) =>
    `${formatPlural(count, "Ordner kann", "Ordner können")} nicht aufgelistet werden`,
  leftOut: (count, reason) => `Ausgelassen: ${formatCount(count)} ${reason}`,
  runs: "Läufe",
  noRuns: "Noch keine Läufe. Fragen Sie jetzt ab, oder warten Sie auf den Zeitplan.",
  begun: "Begonnen",
  listed: "Aufgelistet",
  new: "Neu",
  imported: "Importiert",
  duplicate: "Bereits vorhanden",
  skipped: "Übersprungen",
  failed: "Fehlgeschlagen",
  bytes: "Größe",
  took: "Dauer",
  triggers: {
    schedule: "nach Zeitplan",
    manual: "von Hand",
    resumed: "fortgesetzt",
    event: "durch ein Ereignis",
    backlog: "wartende Dateien",
  },
  remaining: (count) => `${formatCount(count)} bleiben für den nächsten Lauf`,
  pushed: {
    title: "Gemeldete Ereignisse",
    make: "Geheimnis erstellen",
    rotate: "Geheimnis erneuern",
    end: "Gemeldete Ereignisse beenden",
    off: "Ein Server kann Trapline neue Dateien sofort melden, ohne auf den nächsten Lauf zu warten. Erstellen Sie ein Geheimnis: Der Server signiert damit seine Meldungen.",
    on: "Ein Server mit dem Geheimnis kann Trapline neue Dateien melden: URLs unter der URL dieser Quelle, oder Meldungen eines S3-Dienstes. Jede ist signiert, wie es Standard Webhooks festlegt; docs/how-to/notify-of-new-images.md zeigt wie.",
    onlyOwners: "Nur die Rolle Eigentümer erstellt, erneuert und löscht das Geheimnis.",
    address: "URL des Endpunkts",
    secret: "Geheimnis",
    shownOnce:
      "Das Geheimnis wird nur einmal angezeigt. Speichern Sie es auf dem Server, der die Ereignisse sendet.",
    both: "Das vorige Geheimnis gilt noch bis",
    rotateAsk: "Geheimnis erneuern?",
    rotateText:
      "Ein neues Geheimnis wird erstellt und einmal angezeigt. Das vorige gilt noch einen Tag.",
    rotateGo: "Geheimnis erstellen",
    endAsk: "Gemeldete Ereignisse beenden?",
    endText:
      "Mit dem Geheimnis signierte Ereignisse werden abgelehnt. Die Quelle wird weiter nach Zeitplan abgefragt.",
    ended: "Gemeldete Ereignisse beendet.",
  },
  remove: "Quelle löschen",
  removeAsk: "Diese Quelle löschen?",
  removeText: "Bilder bleiben erhalten; die Dateiliste der Quelle wird gelöscht.",
  removed: "Quelle gelöscht. Ihre Bilder bleiben erhalten.",
}

export const sourceFolderTexts: Translation<typeof en.sourceFolderTexts> = {
  title: "Ordner für Quellen",
  text: "Ordner auf dem Rechner des Servers, die Quellen eines Projekts lesen dürfen. Nur Betreiber geben sie frei.",
  path: "Ordner",
  pathHint:
    "Absoluter Pfad auf dem Rechner des Servers, etwa /media/cards. Er muss unter TRAPLINE_SOURCE_FOLDERS liegen.",
  project: "Projekt",
  grant: "Ordner freigeben",
  granted: (path) => `${path} freigegeben.`,
  revoke: "Freigabe aufheben",
  revokeOf: (path) => `Freigabe von ${path} aufheben`,
  revokeAsk: (path) => `Freigabe von ${path} aufheben?`,
  revokeText: "Quellen, die diesen Ordner lesen, pausieren. Ihre Bilder bleiben erhalten.",
  revoked: "Freigabe aufgehoben.",
  none: "Kein Ordner ist freigegeben.",
  missing: "Quellen, deren Ordner nicht freigegeben ist",
  missingText: "Sie laufen nicht. Geben Sie den Ordner frei, und setzen Sie die Quelle dann fort.",
}
