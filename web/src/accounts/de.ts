import { formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const accountTexts: Translation<typeof en.accountTexts> = {
  people: "Personen",
  account: "Konto",
  name: "Name",
  email: "E-Mail",
  you: "Sie",
  unnamed: "Noch kein Name",

  peopleText: "Alle Konten dieses Servers. Rollen werden in jedem Projekt vergeben.",
  countPeople: (count) => formatPlural(count, "Konto", "Konten"),
  invite: "Person einladen",
  inviteGo: "Link erstellen",
  inviteName: "Name",
  inviteRole: (project) => `Rolle in ${project}`,
  noRole: "Noch keine Rolle",
  operator: "Betreiber",
  operatorText: "Kann Personen einladen, Konten sperren und in jedem Projekt Rollen vergeben.",
  linkTitle: "Einmal-Link",
  linkText:
    "Der Link wird nur einmal angezeigt und gilt einmal. Wer ihn hat, kann das Passwort festlegen; senden Sie ihn daher vertraulich.",
  linkUntil: "Gültig bis",
  seen: "Zuletzt gesehen",
  reset: "Neuer Link",
  deactivate: "Sperren",
  reactivate: "Entsperren",
  deactivateAsk: (name) => `${name} sperren?`,
  deactivateText:
    "Alle Sitzungen, Links und API-Tokens dieser Person werden sofort und endgültig widerrufen, auch von ihr erstellte Worker-Tokens. Ihre Arbeit bleibt erhalten.",
  deactivated: (name) => `${name} gesperrt.`,
  reactivated: (name) => `${name} entsperrt.`,
  grantOperator: "Rolle Betreiber vergeben",
  unmakeOperator: "Rolle Betreiber entziehen",
  more: (name) => `Aktionen für ${name}`,
  onlyOperators: "Nur Betreiber verwalten Konten.",
  onlyYou:
    "Außer Ihnen gibt es noch niemanden. Laden Sie die Personen ein, mit denen Sie arbeiten.",

  accountText: (email) => `Angemeldet als ${email}.`,
  nameSaved: "Name gespeichert.",
  password: "Passwort",
  oldPassword: "Aktuelles Passwort",
  newPassword: "Neues Passwort",
  passwordHint: "Mindestens 10 Zeichen. Ihre anderen Sitzungen enden.",
  passwordGo: "Passwort festlegen",
  passwordSet: "Passwort geändert. Ihre anderen Sitzungen sind beendet.",
  sessions: "Sitzungen",
  sessionsText: "Browser, in denen Sie angemeldet sind.",
  thisOne: "diese",
  browser: "Browser",
  begun: "Angemeldet",
  end: "Abmelden",
  endOf: (address) => `Browser unter ${address} abmelden`,
  endAll: "Alle anderen Sitzungen abmelden",
  ended: "Sitzung abgemeldet.",
  endedAll: "Alle anderen Sitzungen abgemeldet.",

  scopes: "Berechtigungen",
  everything: "Alle Ihre Berechtigungen",
  scopeNames: {
    read: "Lesen",
    write: "Lesen und Schreiben wie die Rolle Verwalter",
    own: "Lesen und Schreiben wie die Rolle Eigentümer",
    account: "Lesen und das Konto verwalten",
  },
  madeByToken: "von einem anderen Token erstellt",

  welcomeInvite: (email) => `Damit wird Ihr Konto ${email} angelegt. Wählen Sie ein Passwort.`,
  welcomeReset: (email) =>
    `Wählen Sie ein neues Passwort für ${email}. Ihre anderen Sitzungen enden.`,
  welcomeGo: "Passwort festlegen und anmelden",
}

export const signInTexts: Translation<typeof en.signInTexts> = {
  title: "Anmelden",
  email: "E-Mail",
  password: "Passwort",
  go: "Anmelden",
  lost: "Abgemeldet, oder noch nichts eingerichtet? Das Terminal, in dem Trapline gestartet wurde, zeigt einen Einmal-Link.",
  by: (name) => `Weiter mit ${name}`,
  notSignedIn: "Nicht angemeldet",
  back: "Zurück zur Anmeldung",
  forgot: "Passwort vergessen?",
}

export const forgotPasswordTexts: Translation<typeof en.forgotPasswordTexts> = {
  title: "Passwort vergessen",
  text: "Eine E-Mail mit einem Link für ein neues Passwort geht an die Adresse Ihres Kontos.",
  go: "Link senden",
  sent: (email) =>
    `Wenn ein aktives Konto die Adresse ${email} hat, ist eine E-Mail unterwegs. Ihr Link gilt einmal und 24 Stunden lang. Frühere Links gelten nicht mehr.`,
  noMail:
    "Dieser Server sendet keine E-Mails. Bitten Sie einen Betreiber um einen Link für ein neues Passwort.",
  operator:
    "Betreiber legen den Link in den Einstellungen unter Personen an, oder mit `trapline user reset`. Auf dem Rechner des Servers gibt `trapline link` einen Link zur Anmeldung aus.",
}

export const oneTimeLinkTexts: Translation<typeof en.oneTimeLinkTexts> = {
  title: "Willkommen",
  owner:
    "Legen Sie das Konto des Eigentümers an. Es hat alle Berechtigungen und kann Personen einladen.",
  name: "Ihr Name",
  email: "E-Mail",
  password: "Passwort",
  passwordHint: "Mindestens 10 Zeichen.",
  go: "Konto anlegen",
  signingIn: "Sie werden angemeldet",
  signIn: "Mit diesem Link anmelden",
  noLink: "Diese URL enthält keinen Einmal-Link.",
  expired:
    "Links gelten einmal und laufen ab. Bitten Sie die Person, die ihn gesendet hat, um einen neuen, oder führen Sie auf dem Rechner des Servers `trapline link` aus.",
  toSignIn: "Mit Passwort anmelden",
}

export const tokenTexts: Translation<typeof en.tokenTexts> = {
  tokens: "API-Tokens",
  tokensText:
    "Ein Token weist Sie in Skripten und Workern aus. Wer es hat, hat seine Berechtigungen.",
  newToken: "Neues Token",
  tokenName: "Name",
  kind: "Für",
  kinds: {
    user: "Eigene Skripte",
    worker: "Einen Worker",
    pipeline: "Eine externe Pipeline",
  },
  expires: "Läuft ab",
  inDays: (days) => `in ${formatPlural(days, "Tag", "Tagen")}`,
  made: "Erstellt",
  used: "Zuletzt verwendet",
  revoke: "Widerrufen",
  revoked: "widerrufen",
  revokedToast: "Token widerrufen.",
  revokeAsk: (name) => `„${name}“ widerrufen?`,
  revokeText: "Programme, die es verwenden, funktionieren sofort nicht mehr.",
  noTokens: "Noch kein Token.",
  onlyThis: "Nur für dieses Projekt",
  shownOnce: "Dieses Token wird nur einmal angezeigt.",
  state: "Status",
  active: "aktiv",
  expired: "abgelaufen",
  make: "Token erstellen",
}
