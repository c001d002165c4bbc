/** The form of a new export: format, images and options. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft } from "lucide-react"
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, generateIdempotencyKey, unwrap } from "../api/client"
import type {
  ExportContent,
  ExportFormatDescription,
  ExportOptions,
  ExportSelection,
  LocationAudience,
} from "../api/types"
import { FilterBar } from "../catalogue/FilterBar"
import { type ImageFilter, imageCountQuery, NO_FILTER } from "../images/queries"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { useUrlQuery } from "../ui/urlQuery"
import { AudienceField } from "./AudienceField"
import { ExportOptionsFields, parseOptions } from "./ExportOptionsFields"
import { buildSelection, formatSelection, MAX_NAMED, SELECTING_FILTERS } from "./exportSelection"
import { exportFormatsQuery, lastExportQuery } from "./queries"
import "../imports/exchange.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { imageTexts } from "../images/en"
import { formatDay } from "../ui/time"
import { exportTexts as t, translateFormat } from "./en"

const PURPOSES = ["tables", "publication", "programs", "training"] as const
const CONTENTS: ExportContent[] = ["observations", "model"]

/**
 * Values from the previous screen that are not in the URL: image IDs, and the options of another
 * export.
 */
interface Given {
  unseen?: ExportSelection
  content?: ExportContent
  options?: ExportOptions
  audience?: LocationAudience | null
}

export function NewExportPage() {
  const { data: formats, error } = useQuery(exportFormatsQuery)
  if (!formats) return error ? <ErrorMessage error={error} /> : null
  return <ExportForm formats={formats} />
}

function ExportForm({ formats }: { formats: ExportFormatDescription[] }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [search, setSearch] = useUrlQuery()
  const [given] = useState(() => (window.history.state ?? {}) as Given)
  const [unseen, setUnseen] = useState<ExportSelection>(given.unseen ?? {})
  const filter = useMemo(
    () =>
      ({
        ...NO_FILTER,
        ...Object.fromEntries(SELECTING_FILTERS.map((key) => [key, search.get(key) ?? ""])),
      }) as ImageFilter,
    [search],
  )
  const [options, setOptions] = useState<ExportOptions>(
    given.options ?? (filter.confidence ? { confidence_min: Number(filter.confidence) / 100 } : {}),
  )
  const [content, setContent] = useState<ExportContent>(given.content ?? "observations")
  const [audience, setAudience] = useState<LocationAudience | null>(given.audience ?? null)
  const sent = useRef({ said: "", key: "" })
  const asked = search.get("format")
  const format =
    formats.find((one) => one.name === asked) ?? (formats[0] as ExportFormatDescription)
  const may = canManage(project)
  useEffect(() => {
    document.title = `${t.newExport} · ${project.name}`
  }, [project.name])

  const named = unseen.images
  const isNarrowed = Object.keys(unseen).length > 0
  const counted = useQuery({
    ...imageCountQuery(project.id, filter),
    enabled: !isNarrowed,
    placeholderData: keepPreviousData,
  })
  const { data: last } = useQuery(lastExportQuery(project.id, format.name))
  const before = last?.results.find(
    (one) => Object.keys(parseOptions(format, one.options)).length > 0,
  )
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const selection = named ? { images: named } : { ...buildSelection(filter), ...unseen }
      const body = {
        project: project.id,
        format: format.name,
        content,
        selection,
        audience,
        options: parseOptions(format, options),
      }
      // The key depends on the body: sending the same form again after a lost response does not
      // create a second export, a changed form does.
      const said = JSON.stringify(body)
      if (sent.current.said !== said) sent.current = { said, key: generateIdempotencyKey() }
      return unwrap(
        api.POST("/api/v2/exports", { body, headers: { "Idempotency-Key": sent.current.key } }),
      )
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
  const tooMany = (named?.length ?? 0) > MAX_NAMED
  const count = named ? named.length : isNarrowed || counted.error ? null : counted.data?.count
  return (
    <div className="narrow">
      <Link href={paths.exports(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1>{t.newExport}</h1>
      </div>
      {!may && <p className="note">{t.onlyManagers}</p>}
      <form className="form" onSubmit={submit}>
        <FormatFields
          formats={formats}
          chosen={format}
          onChoose={(next) => {
            // A choice for one format must not publish exact locations in another.
            setAudience(null)
            setSearch((now) => now.set("format", next.name), { replace: true })
          }}
        />
        <section className="section" aria-label={t.selection}>
          <h2>{t.selection}</h2>
          {isNarrowed && (
            <div className="actions">
              <span>{named ? t.named(named.length) : `${t.also}: ${formatSelection(unseen)}`}</span>
              <Button small onClick={() => setUnseen({})}>
                {named ? t.choose : imageTexts.clear}
              </Button>
            </div>
          )}
          {!named && (
            <FilterBar
              choosing
              filter={filter}
              onChange={(changes) =>
                setSearch(
                  (next) => {
                    for (const [key, value] of Object.entries(changes))
                      if (value) next.set(key, value)
                      else next.delete(key)
                  },
                  { replace: true },
                )
              }
              onClear={() =>
                setSearch(
                  (next) => {
                    for (const key of SELECTING_FILTERS) next.delete(key)
                  },
                  { replace: true },
                )
              }
            />
          )}
        </section>
        <fieldset className="fieldset">
          <legend>{t.content}</legend>
          {CONTENTS.map((one) => (
            <label key={one} className="option">
              <input
                type="radio"
                name="content"
                value={one}
                checked={one === content}
                onChange={() => setContent(one)}
              />
              <div className="option-text">
                {t.contentChoices[one][0]}
                <p>{t.contentChoices[one][1]}</p>
              </div>
            </label>
          ))}
        </fieldset>
        <section className="section" aria-label={t.options}>
          <div className="section-head">
            <h2>{t.options}</h2>
            {before && (
              <Button small onClick={() => setOptions(before.options)}>
                {t.lastOptions(formatDay(before.created_at))}
              </Button>
            )}
          </div>
          <div className="form export-options export-audience">
            <AudienceField format={format} audience={audience} onChange={setAudience} />
          </div>
          <ExportOptionsFields format={format} options={options} onChange={setOptions} />
        </section>
        <p className="run-summary" role="status" data-testid="export-sum">
          {count === undefined && t.counting}
          {count === null && t.notCounted}
          {count === 0 && <span className="amber">{t.nothing}</span>}
          {count ? (
            tooMany ? (
              <span className="amber">{t.tooManyNamed(MAX_NAMED)}</span>
            ) : (
              t.sum(count, !named && (counted.data?.isEstimate ?? false))
            )
          ) : null}
        </p>
        {make.error && <ErrorMessage error={make.error} />}
        <div className="actions">
          <Button
            type="submit"
            kind="accent"
            busy={make.isPending}
            disabled={!may || tooMany || count === 0}
          >
            {t.go}
          </Button>
        </div>
      </form>
    </div>
  )
}

function FormatFields({
  formats,
  chosen,
  onChoose,
}: {
  formats: ExportFormatDescription[]
  chosen: ExportFormatDescription
  onChoose: (format: ExportFormatDescription) => void
}) {
  return (
    <div className="export-formats">
      {PURPOSES.map((purpose) => (
        <fieldset key={purpose} className="fieldset">
          <legend>{t.groups[purpose]}</legend>
          {formats
            .filter((one) => one.purpose === purpose)
            .map((format) => (
              <label key={format.name} className="option">
                <input
                  type="radio"
                  name="format"
                  value={format.name}
                  checked={format === chosen}
                  onChange={() => onChoose(format)}
                />
                <div className="option-text">
                  {translateFormat(format.name, format.title)}
                  <p>{translateFormat(`${format.name}:hint`, format.description)}</p>
                </div>
              </label>
            ))}
        </fieldset>
      ))}
    </div>
  )
}
