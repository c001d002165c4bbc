/** German for frequent messages of the server; $1 and $2 are the parts that differ. */
const SERVER_MESSAGES: [RegExp, string][] = [
  [
    /^The e-mail address or the password is wrong\.$/,
    "Die E-Mail-Adresse oder das Passwort ist falsch.",
  ],
  [
    /^Too many attempts failed\. Wait (\d+) seconds.*$/,
    "Zu viele Versuche sind gescheitert. Warten Sie $1 Sekunden, und versuchen Sie es dann erneut. Wenn Sie das Passwort vergessen haben, bitten Sie den Betreiber um einen Link zum Festlegen eines neuen.",
  ],
  [
    /^Too many users sign in at the same time\..*$/,
    "Zu viele Personen melden sich gleichzeitig an. Versuchen Sie es erneut.",
  ],
  [/^Sign in first.*$/, "Sie sind nicht angemeldet."],
  [
    /^The object does not exist, or you do not have access to it\.$/,
    "Das Objekt gibt es nicht, oder Sie haben keinen Zugang dazu.",
  ],
  [
    /^This requires the role (\w+) in the project; yours is (\w+)\..*$/,
    "Dafür ist im Projekt die Rolle $1 nötig; Sie haben die Rolle $2.",
  ],
  [
    /^Only an operator of this Trapline may do this\..*$/,
    "Das darf nur ein Betreiber dieses Servers.",
  ],
  [
    /^The page is out of date\..*$/,
    "Die Seite ist veraltet. Laden Sie sie neu, und versuchen Sie es erneut.",
  ],
  [
    /^Someone else changed this after you read it\..*$/,
    "Jemand anderes hat dies geändert, nachdem Sie es geladen haben.",
  ],
  [
    /^This project is archived and read-only\..*$/,
    "Dieses Projekt ist archiviert und schreibgeschützt.",
  ],
  [
    /^Another taxon of this project already has (.+?)\. .*$/,
    "Ein anderes Taxon dieses Projekts hat bereits $1.",
  ],
  [
    /^This project already has a pull source named (.+)\. Nothing was created\.$/,
    "Dieses Projekt hat bereits eine Quelle namens $1.",
  ],
  [
    /^This project has a preset named (.+) already\..*$/,
    "Dieses Projekt hat bereits eine Vorlage namens $1. Wählen Sie einen anderen Namen.",
  ],
  [
    /^This project has a saved view named (.+) already\..*$/,
    "Dieses Projekt hat bereits eine gespeicherte Ansicht namens $1. Wählen Sie einen anderen Namen.",
  ],
  [
    /^Too many requests .*Send it again after (\d+) s.*$/,
    "Zu viele Anfragen. Versuchen Sie es nach $1 s erneut.",
  ],
  [
    /^The database cancelled this request, because it took too long\..*$/,
    "Die Datenbank hat diese Anfrage abgebrochen, weil sie zu lange dauerte.",
  ],
  [
    /^The database does not answer\..*$/,
    "Die Datenbank antwortet nicht. Versuchen Sie es in einigen Sekunden erneut.",
  ],
]
const ROLES: Record<string, string> = {
  viewer: "Betrachter",
  reviewer: "Prüfer",
  manager: "Verwalter",
  owner: "Eigentümer",
}

export const translateDetail = (detail: string) => {
  const known = SERVER_MESSAGES.find(([pattern]) => pattern.test(detail))
  if (!known) return `Der Server meldet: ${detail}`
  return detail
    .replace(...known)
    .replace(/Rolle (\w+)/g, (text, role: string) => (ROLES[role] ? `Rolle ${ROLES[role]}` : text))
}
