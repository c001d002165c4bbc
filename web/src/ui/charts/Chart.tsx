/**
 * A chart drawn by Observable Plot, with its table behind it and downloads. Plot loads with the
 * first chart.
 */
import type * as PlotModule from "@observablehq/plot"
import { Download, Table } from "lucide-react"
import { useEffect, useRef, useState } from "react"
import { Button } from "../Button"
import { type ChartTable, formatCsv, saveFile, savePng, saveSvg } from "./chartFiles"
import { chartTexts as t } from "./en"
import "./charts.css"

export type Plot = typeof PlotModule

interface ChartProps {
  /** A sentence that states the content for people who do not see the drawing. */
  label: string
  /** Name of downloaded files, without its extension. */
  name: string
  height: number
  /** Return the options of the plot for a width in pixels. A new function draws the chart again. */
  draw: (plot: Plot, width: number) => PlotModule.PlotOptions
  table: ChartTable
  /** URL of the complete table on the server; without it, the CSV is `table`. */
  csv?: string
}

export function Chart({ label, name, height, draw, table, csv }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null)
  const [plot, setPlot] = useState<Plot | "failed" | null>(null)
  const [width, setWidth] = useState(0)
  const [isOpen, setOpen] = useState(false)
  useEffect(() => {
    let shown = true
    import("@observablehq/plot")
      .then((loaded) => shown && setPlot(loaded))
      .catch(() => shown && setPlot("failed"))
    return () => {
      shown = false
    }
  }, [])
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    if (!plot || plot === "failed" || width === 0) return
    const svg = plot.plot({
      width,
      height,
      style: { background: "none", color: "var(--ink-soft)", fontSize: "12px" },
      ...draw(plot, width),
    })
    // The policy of the page refuses styles inside of the document; charts.css contains them.
    for (const style of svg.querySelectorAll("style")) style.remove()
    svg.setAttribute("aria-hidden", "true")
    frame.current?.replaceChildren(svg)
  }, [plot, width, height, draw])
  const withSvg = (save: (name: string, svg: SVGSVGElement) => unknown) => () => {
    const svg = frame.current?.querySelector("svg")
    if (svg) void save(name, svg)
  }
  return (
    <figure className="chart">
      <div
        ref={frame}
        className={plot ? "chart-frame" : "chart-frame skeleton"}
        role="img"
        aria-label={label}
        style={{ height: plot === "failed" ? undefined : height }}
        data-chart={plot ? "drawn" : "loading"}
      />
      {plot === "failed" && <p className="soft small">{t.failed}</p>}
      <figcaption className="chart-actions">
        <Button
          small
          kind="quiet"
          icon={<Table size={14} aria-hidden />}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? t.hideTable : t.showTable}
        </Button>
        {csv ? (
          <CsvLink href={csv} />
        ) : (
          <Button
            small
            kind="quiet"
            icon={<Download size={14} aria-hidden />}
            aria-label={t.downloadCsv}
            onClick={() =>
              saveFile(`${name}.csv`, new Blob([formatCsv(table)], { type: "text/csv" }))
            }
          >
            {t.csv}
          </Button>
        )}
        <Button small kind="quiet" aria-label={t.downloadPng} onClick={withSvg(savePng)}>
          {t.png}
        </Button>
        <Button small kind="quiet" aria-label={t.downloadSvg} onClick={withSvg(saveSvg)}>
          {t.svg}
        </Button>
      </figcaption>
      {isOpen && <DataTable label={label} table={table} />}
    </figure>
  )
}

/** A link that downloads a table of the server as CSV. */
export function CsvLink({ href }: { href: string }) {
  return (
    <a
      className="button button-quiet button-small"
      href={href}
      download
      aria-label={t.downloadCsv}
      title={t.downloadCsv}
    >
      <Download size={14} aria-hidden />
      {t.csv}
    </a>
  )
}

function DataTable({ label, table }: { label: string; table: ChartTable }) {
  return (
    <div className="chart-table" tabIndex={0} role="region" aria-label={label}>
      <table className="table">
        <thead>
          <tr>
            {table.columns.map((column, at) => (
              <th key={column} scope="col" className={at > 0 ? "number" : undefined}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, line) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no ID and do not move
            <tr key={line}>
              {row.map((cell, at) => (
                <td key={table.columns[at]} className={at > 0 ? "number" : undefined}>
                  {cell ?? "–"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
