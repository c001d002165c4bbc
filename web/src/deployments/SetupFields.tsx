/** The fields that describe how the camera of a deployment was set up. */
import { uiTexts } from "../ui/en"
import { AreaField, SelectField, TextField } from "../ui/Field"
import { featureTexts, setupLabels, setupTexts as t } from "./en"
import { SETUP_FIELDS, SETUP_NAMES, type SetupFieldName } from "./setupFieldList"
import type { SetupText } from "./setupValues"

interface SetupFieldsProps {
  text: SetupText
  errors: Partial<SetupText>
  /** The time zone of the inactive periods. */
  zone: string
  /** Return the attributes of a field that is withheld from the user. */
  withhold: (name: SetupFieldName) => { disabled?: boolean; placeholder?: string }
  onChange: (name: SetupFieldName, text: string) => void
}

export function SetupFields({ text, errors, zone, withhold, onChange }: SetupFieldsProps) {
  const render = (name: SetupFieldName) => {
    const { kind } = SETUP_FIELDS[name]
    const { disabled, placeholder } = withhold(name)
    const shared = {
      disabled,
      label: setupLabels[name],
      error: errors[name],
      value: text[name],
      onChange: (event: { target: { value: string } }) => onChange(name, event.target.value),
    }
    switch (kind) {
      case "flag":
        return (
          <SelectField key={name} {...shared}>
            <option value="">{t.unknown}</option>
            <option value="true">{uiTexts.yes}</option>
            <option value="false">{t.no}</option>
          </SelectField>
        )
      case "choice":
        return (
          <SelectField key={name} {...shared}>
            <option value="">{placeholder ?? t.unknown}</option>
            {Object.entries(featureTexts).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </SelectField>
        )
      case "periods":
        return (
          <AreaField
            key={name}
            rows={2}
            hint={t.periodsHint(zone)}
            placeholder={placeholder}
            {...shared}
          />
        )
      case "list":
        return <TextField key={name} hint={t.listHint} placeholder={placeholder} {...shared} />
      case "text":
        return <TextField key={name} maxLength={255} placeholder={placeholder} {...shared} />
      default:
        return (
          <TextField
            key={name}
            inputMode={kind === "integer" ? "numeric" : "decimal"}
            placeholder={placeholder}
            {...shared}
          />
        )
    }
  }
  const isPeriods = (name: SetupFieldName) => SETUP_FIELDS[name].kind === "periods"
  return (
    <>
      <div className="form-row">{SETUP_NAMES.filter((name) => !isPeriods(name)).map(render)}</div>
      {SETUP_NAMES.filter(isPeriods).map(render)}
    </>
  )
}
