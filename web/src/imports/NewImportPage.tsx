/** The form of a new import: file, format, and the images that it describes. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft } from "lucide-react"
import { type DragEvent, type FormEvent, useEffect, useRef, useState } from "react"
import { Link, useLocation } from "wouter"
import type { ImportFormat } from "../api/types"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { sendImport } from "../uploads/uploadRequests"
import "./exchange.css"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { uiTexts } from "../ui/en"
import { Check, SelectField, TextField } from "../ui/Field"
import { formatBytes } from "../ui/time"
import { importTexts as t } from "./en"

const FORMATS = Object.keys(t.formats) as ImportFormat[]

/** Guess the format of a file from its name; null if that is not possible. */
function guessFormat(name: string): ImportFormat | null {
  if (/\.zip$/i.test(name)) return "camtrap-dp"
  if (/coco/i.test(name)) return "coco"
  if (/speciesnet|predictions/i.test(name)) return "speciesnet"
  return /megadetector|\bmd|detections|recognition/i.test(name) ? "megadetector" : null
}

export function NewImportPage() {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const [file, setFile] = useState<File | null>(null)
  const [format, setFormat] = useState<ImportFormat>("megadetector")
  const [deployment, setDeployment] = useState("")
  const [model, setModel] = useState({ name: "", version: "" })
  const [sure, setSure] = useState(0)
  const [nothingIsBlank, setNothingIsBlank] = useState(false)
  const [sent, setSent] = useState(0)
  const stop = useRef<AbortController | null>(null)
  const picker = useRef<HTMLInputElement>(null)
  const may = canManage(project)
  useEffect(() => {
    document.title = `${t.newImport} · ${project.name}`
    return () => stop.current?.abort()
  }, [project.name])
  const take = (chosen: File | undefined) => {
    if (!chosen) return
    setFile(chosen)
    setFormat((old) => guessFormat(chosen.name) ?? old)
  }
  const send = useMutation({
    meta: { saysItself: true },
    mutationFn: (chosen: File) => {
      setSent(0)
      stop.current = new AbortController()
      const query = {
        project: String(project.id),
        format,
        filename: chosen.name.slice(0, 255),
        ...(deployment && { deployment }),
        ...(model.name.trim() && { model_name: model.name.trim() }),
        ...(model.version.trim() && { model_version: model.version.trim() }),
        ...(sure > 0 && { confidence_min: String(sure / 100) }),
        ...(format === "coco" && nothingIsBlank && { nothing_is_blank: "true" }),
      }
      return sendImport(chosen, query, setSent, stop.current.signal)
    },
    onSuccess: (made) => {
      go(paths.import(project.id, made.id))
      return client.invalidateQueries({ queryKey: ["import", project.id] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (file) send.mutate(file)
  }
  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    if (!send.isPending) take(event.dataTransfer.files[0])
  }
  const isStopped = send.error instanceof DOMException
  const part = `${Math.round(100 * sent)} %`
  return (
    <div className="narrow">
      <Link href={paths.imports(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1>{t.newImport}</h1>
      </div>
      <p className="soft exchange-text">{t.text}</p>
      {!may && <p className="note">{t.onlyManagers}</p>}
      <form
        className="form import-form"
        onSubmit={submit}
        onDragOver={(event) => event.preventDefault()}
        onDrop={onDrop}
      >
        <div className="drop-area" data-testid="import-drop">
          {file && (
            <b className="exchange-title">
              {file.name} <span className="faint">{formatBytes(file.size)}</span>
            </b>
          )}
          <Button onClick={() => picker.current?.click()} disabled={send.isPending}>
            {file ? t.another : t.choose}
          </Button>
          <span>{t.drop}</span>
        </div>
        <input
          ref={picker}
          type="file"
          accept=".json,.zip,.gz,application/json,application/zip"
          hidden
          aria-label={t.file}
          data-testid="import-file"
          onChange={(event) => {
            take(event.target.files?.[0])
            event.target.value = ""
          }}
        />
        <fieldset className="fieldset">
          <legend>{t.format}</legend>
          <div className="export-formats import-formats">
            {FORMATS.map((one) => (
              <label key={one} className="option">
                <input
                  type="radio"
                  name="format"
                  value={one}
                  checked={one === format}
                  onChange={() => setFormat(one)}
                />
                <div className="option-text">
                  {t.formats[one][0]}
                  <p>{t.formats[one][1]}</p>
                </div>
              </label>
            ))}
          </div>
        </fieldset>
        <SelectField
          label={t.selection}
          value={deployment}
          onChange={(event) => setDeployment(event.target.value)}
        >
          <option value="">{t.everywhere}</option>
          {deployments?.results.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </SelectField>
        <details className="more">
          <summary>{t.options}</summary>
          <div className="form">
            <div className="form-row">
              <TextField
                label={t.modelName}
                hint={t.modelHint}
                maxLength={255}
                value={model.name}
                onChange={(event) => setModel({ ...model, name: event.target.value })}
              />
              <TextField
                label={t.modelVersion}
                maxLength={100}
                value={model.version}
                onChange={(event) => setModel({ ...model, version: event.target.value })}
              />
            </div>
            <label className="confidence-field">
              {t.confidence}
              <input
                type="range"
                min={0}
                max={95}
                step={5}
                value={sure}
                onChange={(event) => setSure(Number(event.target.value))}
              />
              <output>{sure ? `${sure} %` : uiTexts.none}</output>
            </label>
            {format === "coco" && (
              <div className="field">
                <Check
                  label={t.nothingIsBlank}
                  checked={nothingIsBlank}
                  onChange={(event) => setNothingIsBlank(event.target.checked)}
                />
                <p className="hint">{t.nothingIsBlankHint}</p>
              </div>
            )}
          </div>
        </details>
        {send.isPending && (
          <div className="exchange-progress">
            <div
              className="bar"
              role="progressbar"
              aria-label={t.sending(part)}
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={Math.round(100 * sent)}
            >
              <span className="bar-done" style={{ width: `${100 * sent}%` }} />
            </div>
            <p className="small soft" role="status">
              {t.sending(part)}
            </p>
          </div>
        )}
        {send.error && !isStopped && <ErrorMessage error={send.error} />}
        <div className="actions">
          <Button
            type="submit"
            kind="accent"
            busy={send.isPending}
            disabled={!may || !file}
            title={file ? undefined : t.noFile}
          >
            {t.go}
          </Button>
          {send.isPending && <Button onClick={() => stop.current?.abort()}>{t.stop}</Button>}
        </div>
      </form>
    </div>
  )
}
