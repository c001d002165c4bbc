/** The dialog that puts one taxon on the list, or changes it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus, X } from "lucide-react"
import { type FormEvent, useId, useRef, useState } from "react"
import { answer, api } from "../api/client"
import { ApiProblem } from "../api/problems"
import { askTaxonToChange } from "./queries"
import type { Taxon } from "../api/types"
import { Button, IconButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { taxonWords as w } from "./en"
import { useProject } from "../projects/project"
import { TaxonChoice } from "./TaxonChoice"

const LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt", "pl", "cs", "da", "sv", "nb", "fi", "ru", "uk", "zh", "ja", "sw", "und"]
const CODE = "\\s*[A-Za-z]{2,3}([_\\-][A-Za-z0-9]{1,8})*\\s*"
const MOST = 255

interface TaxonFormProps {
  /** The one that is changed; a new one is made without it. */
  id?: string
  onClose: () => void
}

export function TaxonForm({ id, onClose }: TaxonFormProps) {
  const [round, setRound] = useState(0)
  const { data, error, refetch } = useQuery({ ...askTaxonToChange(id ?? "", round), enabled: id !== undefined })
  return (
    <Dialog open onClose={onClose} title={id === undefined ? w.add : w.edit}>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {id !== undefined && !data && !error && <SkeletonRows rows={5} />}
      {(id === undefined || data) && (
        <Form key={round} taxon={data?.taxon} version={data?.version} onClose={onClose} onOutdated={() => setRound((old) => old + 1)} />
      )}
    </Dialog>
  )
}

interface FormProps {
  taxon?: Taxon
  /** What the server calls the version that is changed: it takes the change of no other. */
  version?: string
  onClose: () => void
  onOutdated: () => void
}

type Higher = keyof typeof w.higher
const HIGHER = Object.keys(w.higher) as Higher[]

function Form({ taxon, version, onClose, onOutdated }: FormProps) {
  const project = useProject()
  const client = useQueryClient()
  const [form, setForm] = useState({
    scientific_name: taxon?.scientific_name ?? "", authorship: taxon?.authorship ?? "", rank: taxon?.rank ?? (taxon ? "" : "species"),
    gbif_key: taxon?.gbif_key?.toString() ?? "", external_id: taxon?.external_id ?? "",
  })
  const [accepted, setAccepted] = useState(taxon?.accepted_id ? { id: taxon.accepted_id, name: taxon.accepted_name ?? "" } : null)
  const [names, setNames] = useState<CommonName[]>(() => listNames(taxon?.common_names ?? {}))
  const [higher, setHigher] = useState<Record<string, string>>(taxon?.higher_ranks ?? {})
  const [ranks, acceptedField] = [useId(), useId()]
  const field = (key: keyof typeof form) => ({
    value: form[key], autoComplete: "off", onChange: (event: { target: { value: string } }) => setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const save = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const body = {
        scientific_name: form.scientific_name, authorship: form.authorship, rank: form.rank, external_id: form.external_id,
        gbif_key: form.gbif_key ? Number(form.gbif_key) : null, accepted: accepted?.id ?? null, common_names: groupNames(names),
        higher_ranks: Object.fromEntries(HIGHER.flatMap((rank) => (higher[rank]?.trim() ? [[rank, higher[rank]]] : []))),
      }
      return taxon
        ? answer(api.PATCH("/api/v2/taxa/{taxon_id}", { params: { path: { taxon_id: taxon.id } }, headers: { "If-Match": version }, body }))
        : answer(api.POST("/api/v2/taxa", { body: { ...body, project: project.id } }))
    },
    onSuccess: (saved) => {
      toast(taxon ? w.saved(saved.scientific_name) : w.made(saved.scientific_name))
      onClose()
      return client.invalidateQueries({ queryKey: ["taxon", project.id] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  const isOutdated = save.error instanceof ApiProblem && save.error.status === 412
  return (
    <form className="form" onSubmit={submit}>
      <TextField label={w.name} hint={w.nameHint} required maxLength={MOST} pattern=".*\S.*" autoFocus spellCheck={false} {...field("scientific_name")} />
      <div className="form-row">
        <TextField label={`${w.authorship} (${words.common.optional})`} maxLength={MOST} placeholder="(Linnaeus, 1758)" {...field("authorship")} />
        <TextField label={`${w.rank} (${words.common.optional})`} maxLength={MOST} list={ranks} {...field("rank")} />
        <datalist id={ranks}>{w.ranks.map((rank) => <option key={rank} value={rank} />)}</datalist>
      </div>
      <CommonNames names={names} onChange={setNames} />
      <div className="field">
        <label htmlFor={acceptedField}>{`${w.accepted} (${words.common.optional})`}</label>
        <TaxonChoice
          id={acceptedField} placeholder={w.notAccepted} chosen={accepted?.name ?? ""}
          onChoose={(one) => setAccepted({ id: one.accepted_id ?? one.id, name: one.accepted_name ?? one.scientific_name })}
        />
        <p className="hint">{w.acceptedHint}</p>
        {accepted && <div><Button small kind="quiet" onClick={() => setAccepted(null)}>{w.noSynonym}</Button></div>}
      </div>
      <details className="more">
        <summary>{w.around}</summary>
        <div className="form">
          <div className="form-row">
            {HIGHER.map((rank) => (
              <TextField
                key={rank} label={w.higher[rank]} maxLength={MOST} autoComplete="off" value={higher[rank] ?? ""}
                onChange={(event) => setHigher((old) => ({ ...old, [rank]: event.target.value }))}
              />
            ))}
          </div>
          <div className="form-row">
            <TextField label={w.gbif} hint={w.gbifHint} inputMode="numeric" pattern="[1-9][0-9]{0,14}" title={w.gbifHint} {...field("gbif_key")} />
            <TextField label={w.external} maxLength={MOST} {...field("external_id")} />
          </div>
        </div>
      </details>
      {save.error && <Trouble error={save.error} retry={isOutdated ? onOutdated : undefined} go={w.asItIs} />}
      <div className="dialog-actions">
        <Button onClick={onClose}>{words.common.cancel}</Button>
        <Button type="submit" kind="accent" busy={save.isPending}>{taxon ? words.common.save : w.addGo}</Button>
      </div>
    </form>
  )
}

interface CommonName {
  key: number
  language: string
  name: string
}

function listNames(names: Taxon["common_names"]): CommonName[] {
  const all = Object.entries(names).flatMap(([language, ofIt]) => ofIt.map((name) => ({ language, name })))
  return all.map((one, key) => ({ ...one, key }))
}

/** Names by language, without the lines in which nothing stands. */
function groupNames(names: CommonName[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {}
  for (const { language, name } of names) {
    if (name.trim()) (grouped[language.trim().toLowerCase()] ??= []).push(name)
  }
  return grouped
}

/** A line for each common name, with the language that it is of. */
function CommonNames({ names, onChange }: { names: CommonName[]; onChange: (names: CommonName[]) => void }) {
  const add = useRef<HTMLButtonElement>(null)
  const listed = useId()
  const [fresh, setFresh] = useState<number | null>(null)
  const called = new Intl.DisplayNames("en", { type: "language" })
  const change = (key: number, part: Partial<CommonName>) => onChange(names.map((one) => (one.key === key ? { ...one, ...part } : one)))
  const addOne = () => {
    const key = Math.max(-1, ...names.map((one) => one.key)) + 1
    onChange([...names, { key, language: names.at(-1)?.language ?? "en", name: "" }])
    setFresh(key)
  }
  return (
    <fieldset className="fieldset">
      <legend>{w.common}</legend>
      {names.map(({ key, language, name }) => (
        <div key={key} className="common-name">
          <input
            className="input" aria-label={w.language} title={w.languageHint} value={language} required={Boolean(name.trim())} pattern={CODE} maxLength={35} list={listed}
            autoComplete="off" spellCheck={false} onChange={(event) => change(key, { language: event.target.value })}
          />
          <input
            className="input" aria-label={w.commonName} value={name} maxLength={MOST} lang={language} autoComplete="off" autoFocus={key === fresh}
            onChange={(event) => change(key, { name: event.target.value })}
          />
          <IconButton label={w.removeName(name)} onClick={() => { onChange(names.filter((one) => one.key !== key)); add.current?.focus() }}><X size={16} aria-hidden /></IconButton>
        </div>
      ))}
      <datalist id={listed}>{LANGUAGES.map((code) => <option key={code} value={code} label={called.of(code)} />)}</datalist>
      <div><button ref={add} type="button" className="button button-plain button-small" onClick={addOne}><Plus size={14} aria-hidden />{w.addName}</button></div>
    </fieldset>
  )
}
