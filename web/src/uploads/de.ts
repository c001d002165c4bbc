import { choosePlural, formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

const files = (count: number) => formatPlural(count, "Datei", "Dateien")

export const uploadTexts: Translation<typeof en.uploadTexts> = {
  title: "Bilder hochladen",
  deployment: "Standort",
  choose: "Dateien wählen",
  chooseFolder: "Ordner wählen",
  drop: "oder Dateien und Ordner hier ablegen",
  go: (count) => `${files(count)} hochladen`,
  waiting: "wartet",
  sending: "wird gesendet",
  imported: "importiert",
  duplicate: "bereits vorhanden",
  refused: "abgelehnt",
  failed: "fehlgeschlagen",
  progress: (done, all) =>
    `${formatCount(done)} von ${formatPlural(all, "Datei", "Dateien")} gesendet`,
  result: (imported, duplicate, refused) =>
    [
      `${formatPlural(imported, "Bild", "Bilder")} importiert.`,
      duplicate ? `${formatCount(duplicate)} bereits vorhanden.` : "",
      refused
        ? `${formatPlural(refused, "Datei konnte", "Dateien konnten")} nicht importiert werden; sonst ist nichts betroffen.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  newDeployment: "Neuer Standort",
  needDeployment: "Bilder gehören zu einem Standort. Legen Sie zuerst einen an.",
  retry: "Fehlgeschlagene Dateien wiederholen",
  stop: "Anhalten",
  left: (count) => `${files(count)} noch nicht gesendet.`,
  because: (count) => `${files(count)}:`,
  more: (count) => `und ${formatCount(count)} weitere`,
  leftOut: (count) =>
    `${formatPlural(count, "Datei ist kein Bild und wird", "Dateien sind keine Bilder und werden")} nicht hochgeladen:`,
  hidden: (count) =>
    `${formatPlural(count, "versteckte Datei", "versteckte Dateien")} ${choosePlural(count, "wird", "werden")} nicht hochgeladen.`,
  names: (names, all) =>
    names.join(", ") +
    (all > names.length ? ` und ${formatCount(all - names.length)} weitere` : ""),
  leaveTitle: "Hochladen abbrechen?",
  leaveText:
    "Importierte Bilder bleiben erhalten. Dateien, die gerade gesendet werden, sind nicht gespeichert; laden Sie dieselben Dateien erneut hoch, um nur die fehlenden zu importieren.",
  leaveGo: "Abbrechen und schließen",
  leaveKeep: "Weiter hochladen",
}
