import type { Translation } from "../ui/translation"
import type * as en from "./en"

let translate = (detail: string) => `Der Server meldet: ${detail}`
// Loaded after the first screen, which must stay small.
void import("./serverMessages.de")
  .then((loaded) => {
    translate = loaded.translateDetail
  })
  .catch(() => undefined)

export const translateDetail: typeof en.translateDetail = (detail) => translate(detail)

export const errorTexts: Translation<typeof en.errorTexts> = {
  unexpected: "Ein unerwarteter Fehler ist aufgetreten. Gespeicherte Daten sind nicht betroffen.",
  noAnswer: (status) =>
    `Der Server meldete einen Fehler (${status}). Gespeicherte Daten sind nicht betroffen. Ihre letzte Änderung ist vielleicht nicht gespeichert: Sehen Sie nach, bevor Sie sie wiederholen.`,
  nothingChanged: "Es wurde nichts geändert.",
  unreachable:
    "Der Server antwortet nicht. Eine eben vorgenommene Änderung ist vielleicht nicht gespeichert.",
  triesAgain:
    "Prüfen Sie das Netzwerk. Wenn der Server wieder antwortet, sehen Sie nach, bevor Sie eine Änderung wiederholen.",
  reload: "Versuchen Sie es erneut, oder laden Sie die Seite neu.",
  signIn: "Melden Sie sich wieder an, um fortzufahren.",
  askOwner:
    "Bitten Sie eine Person mit der Rolle Eigentümer um eine Rolle mit dieser Berechtigung.",
  goBack: "Vielleicht wurde es gelöscht. Gehen Sie zurück zur Liste.",
  lookAgain: "Sehen Sie es sich noch einmal an, und entscheiden Sie dann.",
  reportWith: (request) =>
    `Versuchen Sie es erneut. Bleibt der Fehler bestehen, senden Sie dem Betreiber diese Anfragenummer: ${request}.`,
  notFoundTitle: "Seite nicht gefunden",
  notFound:
    "Sie wurde vielleicht verschoben oder gelöscht, oder Sie sind kein Mitglied ihres Projekts.",
  toOverview: "Zur Übersicht",
  pageBroke: "Diese Seite ist abgestürzt. Gespeicherte Daten sind nicht betroffen.",
}
