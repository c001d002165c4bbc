/**
 * The options of an export format: the minimum confidence, and the metadata of a published data
 * set.
 */
import { Plus, X } from "lucide-react"
import { useRef } from "react"
import type { ExportFormatDescription, ExportOptions } from "../api/types"
import { IconButton } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { AreaField, Check, SelectField, TextField } from "../ui/Field"
import { exportTexts as t } from "./en"

type Option = keyof ExportOptions
type Contributor = NonNullable<ExportOptions["contributors"]>[number]

const CONFIDENCE_STEP = 5

/** Return the options that a format accepts, without empty ones. */
export function parseOptions(
  format: ExportFormatDescription,
  options: ExportOptions,
): ExportOptions {
  const contributors = options.contributors
    ?.filter((one) => one.title.trim())
    .map((one) => filled(one) as Contributor)
  return filled(
    { ...options, contributors: contributors?.length ? contributors : undefined },
    new Set(format.options),
  )
}

function filled<Some extends object>(all: Some, taken?: ReadonlySet<string>): Partial<Some> {
  const kept = Object.entries(all).flatMap(([key, value]) => {
    const tidy = typeof value === "string" ? value.trim() : value
    return (!taken || taken.has(key)) &&
      tidy !== "" &&
      tidy !== undefined &&
      tidy !== null &&
      tidy !== false
      ? [[key, tidy]]
      : []
  })
  return Object.fromEntries(kept) as Partial<Some>
}

interface FieldsProps {
  format: ExportFormatDescription
  options: ExportOptions
  onChange: (options: ExportOptions) => void
}

export function ExportOptionsFields({ format, options, onChange }: FieldsProps) {
  const takes = (option: Option) => format.options.includes(option)
  const set = (part: ExportOptions) => onChange({ ...options, ...part })
  const sure = Math.round(100 * (options.confidence_min ?? 0))
  return (
    <div className="form export-options">
      <div className="field">
        <label className="confidence-field">
          {t.confidence}
          <input
            type="range"
            min={0}
            max={95}
            step={CONFIDENCE_STEP}
            value={sure}
            onChange={(event) =>
              set({ confidence_min: Number(event.target.value) / 100 || undefined })
            }
          />
          <output>{sure ? `${sure} %` : uiTexts.none}</output>
        </label>
        <p className="hint">{t.confidenceHint}</p>
      </div>
      {takes("with_images") && (
        <div className="field">
          <Check
            label={t.withPictures}
            checked={options.with_images ?? false}
            onChange={(event) => set({ with_images: event.target.checked })}
          />
          <p className="hint">{t.withPicturesHint}</p>
        </div>
      )}
      {takes("title") && (
        <TextField
          label={t.optionTitle}
          maxLength={255}
          placeholder={t.titlePlaceholder}
          value={options.title ?? ""}
          onChange={(event) => set({ title: event.target.value })}
        />
      )}
      {takes("description") && (
        <AreaField
          label={t.description}
          hint={t.descriptionHint}
          rows={3}
          value={options.description ?? ""}
          onChange={(event) => set({ description: event.target.value })}
        />
      )}
      {takes("data_licence") && (
        <div className="form-row">
          <Licence
            label={t.dataLicence}
            hint={takes("contributors") ? t.licenceHint : undefined}
            value={options.data_licence}
            onChange={(data_licence) => set({ data_licence })}
          />
          {takes("media_licence") && (
            <Licence
              label={t.mediaLicence}
              value={options.media_licence}
              onChange={(media_licence) => set({ media_licence })}
            />
          )}
          {takes("sampling_design") && (
            <SelectField
              label={t.design}
              value={options.sampling_design ?? ""}
              onChange={(event) =>
                set({
                  sampling_design: (event.target.value ||
                    undefined) as ExportOptions["sampling_design"],
                })
              }
            >
              <option value="">{t.noDesign}</option>
              {Object.entries(t.designs).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </SelectField>
          )}
        </div>
      )}
      {takes("contributors") && (
        <Contributors
          all={options.contributors ?? []}
          onChange={(contributors) => set({ contributors })}
        />
      )}
    </div>
  )
}

function Licence({
  label,
  hint,
  value,
  onChange,
}: {
  label: string
  hint?: string
  value: string | null | undefined
  onChange: (value: string) => void
}) {
  return (
    <SelectField
      label={label}
      hint={hint}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{t.noLicence}</option>
      {value && !(value in t.licences) && <option value={value}>{value}</option>}
      {Object.entries(t.licences).map(([name, text]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </SelectField>
  )
}

function Contributors({
  all,
  onChange,
}: {
  all: Contributor[]
  onChange: (all: Contributor[]) => void
}) {
  const add = useRef<HTMLButtonElement>(null)
  const change = (place: number, part: Partial<Contributor>) =>
    onChange(all.map((one, at) => (at === place ? { ...one, ...part } : one)))
  return (
    <fieldset className="fieldset">
      <legend>{t.contributors}</legend>
      <p className="hint">{t.contributorsHint}</p>
      {all.map((one, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items have no ID and do not move
        <div key={place} className="contributor">
          <TextField
            label={t.contributorName}
            required
            maxLength={255}
            autoComplete="off"
            autoFocus={!one.title}
            value={one.title}
            onChange={(event) => change(place, { title: event.target.value })}
          />
          <SelectField
            label={t.role}
            value={one.role}
            onChange={(event) => change(place, { role: event.target.value as Contributor["role"] })}
          >
            {Object.entries(t.roles).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
          <TextField
            label={t.organization}
            maxLength={255}
            value={one.organization ?? ""}
            onChange={(event) => change(place, { organization: event.target.value })}
          />
          <TextField
            label={t.email}
            type="email"
            maxLength={255}
            autoComplete="off"
            value={one.email ?? ""}
            onChange={(event) => change(place, { email: event.target.value })}
          />
          <TextField
            label={t.path}
            type="url"
            maxLength={255}
            placeholder="https://orcid.org/…"
            value={one.path ?? ""}
            onChange={(event) => change(place, { path: event.target.value })}
          />
          <IconButton
            label={t.removeContributor(one.title)}
            onClick={() => {
              onChange(all.filter((_, at) => at !== place))
              add.current?.focus()
            }}
          >
            <X size={16} aria-hidden />
          </IconButton>
        </div>
      ))}
      <div>
        <button
          ref={add}
          type="button"
          className="button button-plain button-small"
          onClick={() =>
            onChange([...all, { title: "", role: all.length === 0 ? "contact" : "contributor" }])
          }
        >
          <Plus size={14} aria-hidden />
          {t.addContributor}
        </button>
      </div>
    </fieldset>
  )
}
