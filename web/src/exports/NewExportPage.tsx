/** The form of a new export: what it is for, which images, and what the format can be told. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft } from "lucide-react"
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react"
import { Link, useLocation } from "wouter"
import { answer, api, makeKey } from "../api/client"
import { askLastExport } from "./queries"
import { askImageCount, type ImageFilter, noFilter } from "../images/queries"
import type { ExportFormat, ExportOptions, ExportSelection } from "../api/types"
import { CHOOSING, MOST_NAMED, saySelection, toSelection } from "./exportSelection"
import { ExportOptionsFields, readOptions } from "./ExportOptionsFields"
import { ImageFilters } from "../catalogue/ImageFilters"
import { mayManage, useProject } from "../projects/project"
import { useSearch } from "../ui/search"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import "../imports/exchange.css"
import { Trouble } from "../ui/Notice"
import { day } from "../ui/time"
import { words } from "../en"
import { exportWords as w } from "./en"

const GROUPS: [string, ExportFormat[]][] = [
  ["tables", ["csv", "parquet", "geoparquet"]], ["publish", ["camtrap-dp", "darwin-core"]],
  ["programs", ["megadetector", "speciesnet", "coco-camera-traps"]], ["training", ["coco", "yolo", "crops"]],
]
const FORMATS = GROUPS.flatMap(([, formats]) => formats)

/** What the screen before hands on beside the address: images by their ids, and the options of another export. */
interface Given {
  unseen?: ExportSelection
  options?: ExportOptions
}

export function NewExportPage() {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [search, setSearch] = useSearch()
  const [given] = useState(() => (window.history.state ?? {}) as Given)
  const [unseen, setUnseen] = useState<ExportSelection>(given.unseen ?? {})
  const filter = useMemo(() => ({ ...noFilter, ...Object.fromEntries(CHOOSING.map((key) => [key, search.get(key) ?? ""])) }) as ImageFilter, [search])
  const [options, setOptions] = useState<ExportOptions>(given.options ?? (filter.confidence ? { confidence_min: Number(filter.confidence) / 100 } : {}))
  const sent = useRef({ said: "", key: "" })
  const format = FORMATS.find((one) => one === search.get("format")) ?? "csv"
  const may = mayManage(project)
  useEffect(() => {
    document.title = `${w.make} · ${project.name}`
  }, [project.name])

  const named = unseen.images
  const isNarrowed = Object.keys(unseen).length > 0
  const filtered = CHOOSING.some((key) => filter[key] !== "")
  const counted = useQuery({ ...askImageCount(project.id, filter), enabled: !isNarrowed, placeholderData: keepPreviousData })
  const { data: last } = useQuery(askLastExport(project.id, format))
  const before = last?.results.find((one) => Object.keys(readOptions(format, one.options)).length > 0)
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const selection = named ? { images: named } : { ...toSelection(filter), ...unseen }
      const body = { project: project.id, format, selection, options: readOptions(format, options) }
      // Where an answer is lost on the way, pressing again is no second export; another wish is.
      const said = JSON.stringify(body)
      if (sent.current.said !== said) sent.current = { said, key: makeKey() }
      return answer(api.POST("/api/v2/exports", { body, headers: { "Idempotency-Key": sent.current.key } }))
    },
    onSuccess: (made) => {
      go(paths.export(project.id, made.id))
      return client.invalidateQueries({ queryKey: ["export", project.id] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const tooMany = (named?.length ?? 0) > MOST_NAMED
  const count = named ? named.length : isNarrowed || counted.error ? null : counted.data?.count
  return (
    <div className="narrow">
      <Link href={paths.exports(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{w.title}</Link>
      <div className="page-head"><h1>{w.make}</h1></div>
      {!may && <p className="note">{w.onlyManagers}</p>}
      <form className="form" onSubmit={submit}>
        <Formats chosen={format} onChoose={(next) => setSearch((now) => now.set("format", next), { replace: true })} />
        <section className="section" aria-label={w.which}>
          <h2>{w.which}</h2>
          {isNarrowed && (
            <div className="actions">
              <span>{named ? w.named(named.length) : `${w.also}: ${saySelection(unseen)}`}</span>
              <Button small onClick={() => setUnseen({})}>{named ? w.choose : words.image.clear}</Button>
            </div>
          )}
          {!named && (
            <ImageFilters
              choosing filter={filter} filtered={filtered} onChange={(key, value) => setSearch((next) => (value ? next.set(key, value) : next.delete(key)), { replace: true })}
              onClear={() => setSearch((next) => CHOOSING.forEach((key) => next.delete(key)), { replace: true })}
            />
          )}
        </section>
        <section className="section" aria-label={w.options}>
          <div className="section-head">
            <h2>{w.options}</h2>
            {before && <Button small onClick={() => setOptions(before.options)}>{w.lastOptions(day(before.created_at))}</Button>}
          </div>
          <ExportOptionsFields format={format} options={options} onChange={setOptions} />
        </section>
        <p className="run-sum" role="status" data-testid="export-sum">
          {count === undefined && w.counting}
          {count === null && w.notCounted}
          {count === 0 && <span className="amber">{w.nothing}</span>}
          {count ? tooMany ? <span className="amber">{w.tooManyNamed(MOST_NAMED)}</span> : w.sum(count, !named && (counted.data?.isEstimate ?? false)) : null}
        </p>
        {make.error && <Trouble error={make.error} />}
        <div className="actions">
          <Button type="submit" kind="accent" busy={make.isPending} disabled={!may || tooMany || count === 0}>{w.go}</Button>
        </div>
      </form>
    </div>
  )
}

function Formats({ chosen, onChoose }: { chosen: ExportFormat; onChoose: (format: ExportFormat) => void }) {
  return (
    <div className="export-formats">
      {GROUPS.map(([group, formats]) => (
        <fieldset key={group} className="fieldset">
          <legend>{w.groups[group]}</legend>
          {formats.map((format) => (
            <label key={format} className="option">
              <input type="radio" name="format" value={format} checked={format === chosen} onChange={() => onChoose(format)} />
              <div className="option-words">{w.formats[format][0]}<p>{w.formats[format][1]}</p></div>
            </label>
          ))}
        </fieldset>
      ))}
    </div>
  )
}
