/** The dialog that creates or edits a taxon. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus, X } from "lucide-react"
import { type FormEvent, useId, useRef, useState } from "react"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Taxon } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button, IconButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { locale, uiTexts } from "../ui/en"
import { TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { taxonTexts as t } from "./en"
import { editedTaxonQuery } from "./queries"
import { TaxonSelect } from "./TaxonSelect"

const LANGUAGES = [
  "en",
  "de",
  "fr",
  "es",
  "it",
  "nl",
  "pt",
  "pl",
  "cs",
  "da",
  "sv",
  "nb",
  "fi",
  "ru",
  "uk",
  "zh",
  "ja",
  "sw",
  "und",
]
const CODE = "\\s*[A-Za-z]{2,3}([_\\-][A-Za-z0-9]{1,8})*\\s*"
const MAX_NAMES = 255

interface TaxonFormProps {
  /** The taxon that is edited; undefined for a new one. */
  id?: string
  onClose: () => void
}

export function TaxonForm({ id, onClose }: TaxonFormProps) {
  const [round, setRound] = useState(0)
  const { data, error, refetch } = useQuery({
    ...editedTaxonQuery(id ?? "", round),
    enabled: id !== undefined,
  })
  return (
    <Dialog open onClose={onClose} title={id === undefined ? t.add : t.edit}>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {id !== undefined && !data && !error && <SkeletonRows rows={5} />}
      {(id === undefined || data) && (
        <Form
          key={round}
          taxon={data?.taxon}
          version={data?.version}
          onClose={onClose}
          onOutdated={() => setRound((old) => old + 1)}
        />
      )}
    </Dialog>
  )
}

interface FormProps {
  taxon?: Taxon
  /** The ETag of the version that is edited; the server rejects a change of any other version. */
  version?: string
  onClose: () => void
  onOutdated: () => void
}

type HigherRank = keyof typeof t.higher
const HIGHER_RANKS = Object.keys(t.higher) as HigherRank[]

function Form({ taxon, version, onClose, onOutdated }: FormProps) {
  const project = useProject()
  const client = useQueryClient()
  const [form, setForm] = useState({
    scientific_name: taxon?.scientific_name ?? "",
    authorship: taxon?.authorship ?? "",
    rank: taxon?.rank ?? (taxon ? "" : "species"),
    gbif_key: taxon?.gbif_key?.toString() ?? "",
    external_id: taxon?.external_id ?? "",
  })
  const [accepted, setAccepted] = useState(
    taxon?.accepted_id ? { id: taxon.accepted_id, name: taxon.accepted_name ?? "" } : null,
  )
  const [names, setNames] = useState<CommonName[]>(() => buildNameList(taxon?.common_names ?? {}))
  const [higher, setHigher] = useState<Record<string, string>>(taxon?.higher_ranks ?? {})
  const [ranks, acceptedField] = [useId(), useId()]
  const field = (key: keyof typeof form) => ({
    value: form[key],
    autoComplete: "off",
    onChange: (event: { target: { value: string } }) =>
      setForm((old) => ({ ...old, [key]: event.target.value })),
  })
  const save = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const body = {
        scientific_name: form.scientific_name,
        authorship: form.authorship,
        rank: form.rank,
        external_id: form.external_id,
        gbif_key: form.gbif_key ? Number(form.gbif_key) : null,
        accepted: accepted?.id ?? null,
        common_names: groupByLanguage(names),
        higher_ranks: Object.fromEntries(
          HIGHER_RANKS.flatMap((rank) => (higher[rank]?.trim() ? [[rank, higher[rank]]] : [])),
        ),
      }
      return taxon
        ? unwrap(
            api.PATCH("/api/v2/taxa/{taxon_id}", {
              params: { path: { taxon_id: taxon.id } },
              headers: { "If-Match": version },
              body,
            }),
          )
        : unwrap(api.POST("/api/v2/taxa", { body: { ...body, project: project.id } }))
    },
    onSuccess: (saved) => {
      showToast(taxon ? t.saved(saved.scientific_name) : t.made(saved.scientific_name))
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
      <TextField
        label={t.name}
        hint={t.nameHint}
        required
        maxLength={MAX_NAMES}
        pattern=".*\S.*"
        autoFocus
        spellCheck={false}
        {...field("scientific_name")}
      />
      <div className="form-row">
        <TextField
          label={`${t.authorship} (${uiTexts.optional})`}
          maxLength={MAX_NAMES}
          placeholder="(Linnaeus, 1758)"
          {...field("authorship")}
        />
        <TextField
          label={`${t.rank} (${uiTexts.optional})`}
          maxLength={MAX_NAMES}
          list={ranks}
          {...field("rank")}
        />
        <datalist id={ranks}>
          {Object.entries(t.ranks).map(([rank, name]) => (
            <option key={rank} value={rank} label={name} />
          ))}
        </datalist>
      </div>
      <CommonNames names={names} onChange={setNames} />
      <div className="field">
        <label htmlFor={acceptedField}>{`${t.accepted} (${uiTexts.optional})`}</label>
        <TaxonSelect
          id={acceptedField}
          placeholder={t.notAccepted}
          chosen={accepted?.name ?? ""}
          onChoose={(one) =>
            setAccepted({
              id: one.accepted_id ?? one.id,
              name: one.accepted_name ?? one.scientific_name,
            })
          }
        />
        <p className="hint">{t.acceptedHint}</p>
        {accepted && (
          <div>
            <Button small kind="quiet" onClick={() => setAccepted(null)}>
              {t.noSynonym}
            </Button>
          </div>
        )}
      </div>
      <details className="more">
        <summary>{t.around}</summary>
        <div className="form">
          <div className="form-row">
            {HIGHER_RANKS.map((rank) => (
              <TextField
                key={rank}
                label={t.higher[rank]}
                maxLength={MAX_NAMES}
                autoComplete="off"
                value={higher[rank] ?? ""}
                onChange={(event) => setHigher((old) => ({ ...old, [rank]: event.target.value }))}
              />
            ))}
          </div>
          <div className="form-row">
            <TextField
              label={t.gbif}
              hint={t.gbifHint}
              inputMode="numeric"
              pattern="[1-9][0-9]{0,14}"
              title={t.gbifHint}
              {...field("gbif_key")}
            />
            <TextField label={t.external} maxLength={MAX_NAMES} {...field("external_id")} />
          </div>
        </div>
      </details>
      {save.error && (
        <ErrorMessage
          error={save.error}
          retry={isOutdated ? onOutdated : undefined}
          go={t.asItIs}
        />
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>{uiTexts.cancel}</Button>
        <Button type="submit" kind="accent" busy={save.isPending}>
          {taxon ? uiTexts.save : t.addGo}
        </Button>
      </div>
    </form>
  )
}

interface CommonName {
  key: number
  language: string
  name: string
}

function buildNameList(names: Taxon["common_names"]): CommonName[] {
  const all = Object.entries(names).flatMap(([language, ofIt]) =>
    ofIt.map((name) => ({ language, name })),
  )
  return all.map((one, key) => ({ ...one, key }))
}

/** Group names by language; empty ones are left out. */
function groupByLanguage(names: CommonName[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {}
  for (const { language, name } of names) {
    if (!name.trim()) continue
    const key = language.trim().toLowerCase()
    grouped[key] = [...(grouped[key] ?? []), name]
  }
  return grouped
}

/** A row for each common name with its language. */
function CommonNames({
  names,
  onChange,
}: {
  names: CommonName[]
  onChange: (names: CommonName[]) => void
}) {
  const add = useRef<HTMLButtonElement>(null)
  const listed = useId()
  const [fresh, setFresh] = useState<number | null>(null)
  const called = new Intl.DisplayNames(locale, { type: "language" })
  const change = (key: number, part: Partial<CommonName>) =>
    onChange(names.map((one) => (one.key === key ? { ...one, ...part } : one)))
  const addOne = () => {
    const key = Math.max(-1, ...names.map((one) => one.key)) + 1
    onChange([...names, { key, language: names.at(-1)?.language ?? "en", name: "" }])
    setFresh(key)
  }
  return (
    <fieldset className="fieldset">
      <legend>{t.common}</legend>
      {names.map(({ key, language, name }) => (
        <div key={key} className="common-name">
          <input
            className="input"
            aria-label={t.language}
            title={t.languageHint}
            value={language}
            required={Boolean(name.trim())}
            pattern={CODE}
            maxLength={35}
            list={listed}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => change(key, { language: event.target.value })}
          />
          <input
            className="input"
            aria-label={t.commonName}
            value={name}
            maxLength={MAX_NAMES}
            lang={language}
            autoComplete="off"
            // biome-ignore lint/a11y/noAutofocus: the field was added by the user
            autoFocus={key === fresh}
            onChange={(event) => change(key, { name: event.target.value })}
          />
          <IconButton
            label={t.removeName(name)}
            onClick={() => {
              onChange(names.filter((one) => one.key !== key))
              add.current?.focus()
            }}
          >
            <X size={16} aria-hidden />
          </IconButton>
        </div>
      ))}
      <datalist id={listed}>
        {LANGUAGES.map((code) => (
          <option key={code} value={code} label={called.of(code)} />
        ))}
      </datalist>
      <div>
        <button
          ref={add}
          type="button"
          className="button button-plain button-small"
          onClick={addOne}
        >
          <Plus size={14} aria-hidden />
          {t.addName}
        </button>
      </div>
    </fieldset>
  )
}
