/** Files of a chart: its table as CSV, and its drawing as SVG and PNG. */

export type Cell = string | number | null

export interface ChartTable {
  columns: string[]
  rows: Cell[][]
}

const PNG_SCALE = 2
const COLOURED = ["fill", "stroke", "color"] as const

/** Text that a spreadsheet would run as a formula starts with one of these. */
const FORMULA = /^[=+\-@\t\r]/

function formatCell(cell: Cell): string {
  if (cell === null) return ""
  if (typeof cell === "number") return String(cell)
  const safe = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Format a table as CSV (RFC 4180), with the columns in the first line. */
export function formatCsv({ columns, rows }: ChartTable): string {
  return [columns, ...rows].map((row) => `${row.map(formatCell).join(",")}\r\n`).join("")
}

export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  // Some browsers read the file only after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** Copy a drawing with the colours of the current theme, which a file has no variables for. */
export function renderSvg(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement
  const from = [svg, ...svg.querySelectorAll<SVGElement>("*")]
  const to = [copy, ...copy.querySelectorAll<SVGElement>("*")]
  from.forEach((element, at) => {
    const style = getComputedStyle(element)
    for (const name of COLOURED)
      if (element.getAttribute(name)?.includes("var("))
        to[at]?.setAttribute(name, style.getPropertyValue(name))
  })
  const style = getComputedStyle(svg)
  copy.removeAttribute("style")
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg")
  copy.setAttribute("color", style.color)
  copy.setAttribute("font-family", style.fontFamily)
  copy.setAttribute("font-size", style.fontSize)
  return new XMLSerializer().serializeToString(copy)
}

export const saveSvg = (name: string, svg: SVGSVGElement): void =>
  saveFile(`${name}.svg`, new Blob([renderSvg(svg)], { type: "image/svg+xml" }))

export async function savePng(name: string, svg: SVGSVGElement): Promise<void> {
  const url = URL.createObjectURL(new Blob([renderSvg(svg)], { type: "image/svg+xml" }))
  try {
    const image = new Image()
    image.src = url
    await image.decode()
    const canvas = document.createElement("canvas")
    canvas.width = image.width * PNG_SCALE
    canvas.height = image.height * PNG_SCALE
    const context = canvas.getContext("2d")
    if (!context) return
    context.fillStyle = getComputedStyle(document.body).backgroundColor
    context.fillRect(0, 0, canvas.width, canvas.height)
    context.drawImage(image, 0, 0, canvas.width, canvas.height)
    const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"))
    if (png) saveFile(`${name}.png`, png)
  } finally {
    URL.revokeObjectURL(url)
  }
}
