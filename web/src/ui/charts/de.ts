import type { Translation } from "../translation"
import type * as en from "./en"

export const chartTexts: Translation<typeof en.chartTexts> = {
  csv: "CSV",
  png: "PNG",
  svg: "SVG",
  showTable: "Tabelle anzeigen",
  hideTable: "Tabelle ausblenden",
  downloadCsv: "CSV herunterladen",
  downloadSvg: "SVG herunterladen",
  downloadPng: "PNG herunterladen",
  failed: "Das Diagramm konnte nicht geladen werden. Die Tabelle ist vollständig.",
}
