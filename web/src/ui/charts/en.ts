export const chartTexts = {
  csv: "CSV",
  png: "PNG",
  svg: "SVG",
  showTable: "Show table",
  hideTable: "Hide table",
  downloadCsv: "Download CSV",
  downloadSvg: "Download SVG",
  downloadPng: "Download PNG",
  failed: "The chart could not be loaded. Its table is complete.",
}
