/** The fields of the settings of observations. */
import { useQuery } from "@tanstack/react-query"
import { Plus, Trash2 } from "lucide-react"
import { useId } from "react"
import type { ObservationValues } from "../api/types"
import { classesQuery } from "../images/queries"
import { useProject } from "../projects/projectContext"
import { Button, IconButton } from "../ui/Button"
import { Check, TextField } from "../ui/Field"
import { observationSettingsTexts as t } from "./en"
import { PipelineTable } from "./PipelineTable"
import type { SettingsForm } from "./settingsForm"

interface SettingsFieldsProps {
  form: SettingsForm
  values: ObservationValues
  disabled: boolean
  /** A class with two thresholds. */
  repeated: string | null
  onChange: (more: Partial<SettingsForm>) => void
}

const PERCENT = { type: "number", min: 0, max: 100, step: "any", required: true } as const
const RULES = ["latest", "expert", "agreement"] as const

export function SettingsFields(props: SettingsFieldsProps) {
  const { form, values, disabled, onChange } = props
  const share = (key: "detection" | "classification" | "review") => ({
    ...PERCENT,
    value: form[key],
    onChange: (event: { target: { value: string } }) => onChange({ [key]: event.target.value }),
  })
  return (
    <fieldset className="plain-fieldset form" disabled={disabled}>
      <section className="form" aria-label={t.thresholds}>
        <h2>{t.thresholds}</h2>
        <div className="form-row">
          <TextField label={t.detection} hint={t.detectionHint} {...share("detection")} />
          <TextField
            label={t.classification}
            hint={t.classificationHint}
            {...share("classification")}
          />
          <TextField label={t.review} hint={t.reviewHint} {...share("review")} />
        </div>
        <ClassThresholds {...props} />
        <div>
          <Check
            label={t.combines}
            checked={form.combines}
            onChange={(event) => onChange({ combines: event.target.checked })}
          />
          <p className="hint">{t.combinesHint}</p>
        </div>
      </section>
      <PipelineTable
        rows={form.pipelines}
        pipelines={values.pipelines}
        disabled={disabled}
        onChange={(pipelines) => onChange({ pipelines })}
      />
      <TextField
        label={t.blankLabels}
        hint={t.blankHint}
        placeholder={t.blankExample}
        value={form.blankLabels}
        onChange={(event) => onChange({ blankLabels: event.target.value })}
      />
      <RuleOptions {...props} />
    </fieldset>
  )
}

function ClassThresholds({ form, disabled, repeated, onChange }: SettingsFieldsProps) {
  const project = useProject()
  const { data: classes } = useQuery(classesQuery(project.id))
  const list = useId()
  const set = (key: number, more: { label?: string; percent?: string }) =>
    onChange({
      classes: form.classes.map((row) => (row.key === key ? { ...row, ...more } : row)),
    })
  return (
    <fieldset className="fieldset">
      <legend>{t.classes}</legend>
      <p className="hint">{t.classesHint}</p>
      {form.classes.length === 0 && <p className="soft small">{t.noClasses}</p>}
      {form.classes.map((row) => (
        <div key={row.key} className="class-threshold">
          <input
            className="input"
            aria-label={t.className}
            placeholder={t.className}
            list={list}
            required
            maxLength={255}
            value={row.label}
            onChange={(event) => set(row.key, { label: event.target.value })}
          />
          <input
            className="input"
            aria-label={t.classPercentOf(row.label)}
            {...PERCENT}
            value={row.percent}
            onChange={(event) => set(row.key, { percent: event.target.value })}
          />
          <IconButton
            label={t.removeClass(row.label)}
            onClick={() => onChange({ classes: form.classes.filter(({ key }) => key !== row.key) })}
          >
            <Trash2 size={16} />
          </IconButton>
        </div>
      ))}
      <datalist id={list}>
        {classes?.results.map((one) => (
          <option key={one.class_name} value={one.class_name} />
        ))}
      </datalist>
      {repeated && (
        <p className="field-error" role="alert">
          {t.repeated(repeated)}
        </p>
      )}
      {!disabled && (
        <div>
          <Button
            small
            icon={<Plus size={14} aria-hidden />}
            onClick={() =>
              onChange({
                classes: [
                  ...form.classes,
                  {
                    key: Math.max(-1, ...form.classes.map(({ key }) => key)) + 1,
                    label: "",
                    percent: form.detection,
                  },
                ],
              })
            }
          >
            {t.addClass}
          </Button>
        </div>
      )}
    </fieldset>
  )
}

function RuleOptions({ form, onChange }: SettingsFieldsProps) {
  return (
    <fieldset className="fieldset">
      <legend>{t.rule}</legend>
      {RULES.map((rule) => (
        <label key={rule} className="option">
          <input
            type="radio"
            name="rule"
            value={rule}
            checked={form.rule === rule}
            onChange={() => onChange({ rule })}
          />
          <span>
            <b>{t.rules[rule]}</b>
            <p>{t.ruleHints[rule]}</p>
          </span>
        </label>
      ))}
      {form.rule === "agreement" && (
        <TextField
          label={t.agreement}
          name="agreement"
          type="number"
          required
          min={1}
          max={5}
          step={1}
          value={form.agreement}
          onChange={(event) => onChange({ agreement: event.target.value })}
        />
      )}
    </fieldset>
  )
}
