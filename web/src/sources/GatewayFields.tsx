/**
 * The fields of a gateway in addition to the URL of the source: sign-in and options, as the server
 * describes them.
 */
import type { AuthType, Gateway, Source } from "../api/types"
import { AreaField, Check, SelectField, TextField } from "../ui/Field"
import { sourceTexts, translateGateway } from "./en"
import { type GatewayOption, listOptions } from "./gatewayOptions"
import { SecretField } from "./SecretField"
import { hasPlainSignIn, type SourceFormValues } from "./sourceSettings"

interface FieldsProps {
  form: SourceFormValues
  set: (change: Partial<SourceFormValues>) => void
  gateway: Gateway
  /** The source that is edited; undefined for a new one. */
  source?: Source
}

/** Selects the gateway of a source. */
export function GatewaySelect({
  gateways,
  gateway,
  set,
}: Pick<FieldsProps, "gateway" | "set"> & { gateways: Gateway[] }) {
  return (
    <fieldset className="fieldset">
      <legend>{sourceTexts.kind}</legend>
      <div className="choices">
        {gateways.map((one) => (
          <label key={one.name} className="choice">
            <input
              type="radio"
              name="kind"
              checked={one.name === gateway.name}
              onChange={() => set({ gateway: one.name })}
            />
            <span>{translateGateway(one.name, one.title)}</span>
          </label>
        ))}
      </div>
      <p className="hint">{translateGateway(`${gateway.name}:hint`, gateway.description)}</p>
    </fieldset>
  )
}

export function GatewayFields(props: FieldsProps) {
  return (
    <>
      {hasPlainSignIn(props.gateway) ? <PasswordFields {...props} /> : <SignInFields {...props} />}
      <OptionFields {...props} options={listOptions(props.gateway)} perRow={2} />
    </>
  )
}

/** Whether the stored source has such a secret. It applies only while the gateway is unchanged. */
const hasSecret = (source: Source | undefined, gateway: Gateway, auth?: AuthType) =>
  Boolean(
    source &&
      source.gateway === gateway.name &&
      (auth === undefined || source.auth_type === auth) &&
      (source.has_password || source.has_auth_header),
  )

function SignInFields({ form, set, source, gateway }: FieldsProps) {
  const t = sourceTexts
  const isSet = hasSecret(source, gateway, form.auth_type)
  const secret = {
    isSet,
    value: form.secret,
    onChange: (value: SourceFormValues["secret"]) => set({ secret: value }),
  }
  return (
    <div className="form-row">
      <SelectField
        label={t.auth}
        value={form.auth_type}
        onChange={(event) => set({ auth_type: event.target.value as AuthType, secret: undefined })}
      >
        {gateway.auth_types.map((value) => (
          <option key={value} value={value}>
            {t.auths[value]}
          </option>
        ))}
      </SelectField>
      {form.auth_type === "basic" && (
        <TextField
          label={t.user}
          required
          autoComplete="off"
          value={form.auth_username}
          onChange={(event) => set({ auth_username: event.target.value })}
        />
      )}
      {form.auth_type === "basic" && <SecretField label={t.password} optional {...secret} />}
      {form.auth_type === "bearer" && <SecretField label={t.bearer} {...secret} />}
      {form.auth_type === "header" && (
        <SecretField label={t.header} hint={t.headerHint} {...secret} />
      )}
    </div>
  )
}

/** User and password; both are optional if the gateway also connects without them. */
function PasswordFields({ form, set, source, gateway }: FieldsProps) {
  const t = sourceTexts
  if (!gateway.auth_types.includes("basic")) return null
  const isAnonymous = gateway.auth_types.includes("none")
  return (
    <div className="form-row">
      <TextField
        label={t.user}
        hint={isAnonymous ? t.anonymous : undefined}
        required={!isAnonymous}
        autoComplete="off"
        value={form.auth_username}
        onChange={(event) => set({ auth_username: event.target.value })}
      />
      <SecretField
        label={t.password}
        optional
        isSet={hasSecret(source, gateway)}
        value={form.secret}
        onChange={(secret) => set({ secret })}
      />
    </div>
  )
}

interface OptionProps extends FieldsProps {
  options: GatewayOption[]
  perRow: number
}

/** Short options share rows; groups and texts of several lines have their own. */
function OptionFields({ options, perRow, ...props }: OptionProps) {
  const rows: GatewayOption[][] = []
  for (const option of options) {
    const row = rows.at(-1)
    const isShort = (one?: GatewayOption) => one && !one.isLong && one.type !== "object"
    if (row && row.length < perRow && isShort(row[0]) && isShort(option)) row.push(option)
    else rows.push([option])
  }
  return rows.map((row) => {
    const [first] = row
    if (first?.type === "object")
      return (
        <fieldset key={first.path} className="fieldset form">
          <legend>{first.label}</legend>
          {first.hint && <p className="hint">{first.hint}</p>}
          <OptionFields {...props} options={first.options} perRow={Number.POSITIVE_INFINITY} />
        </fieldset>
      )
    const fields = row.map((option) => <OptionField key={option.path} {...props} {...{ option }} />)
    return first?.isLong ? (
      fields
    ) : (
      <div key={first?.path} className="form-row">
        {fields}
      </div>
    )
  })
}

function OptionField({
  option,
  form,
  set,
  source,
  gateway,
}: FieldsProps & { option: GatewayOption }) {
  const { path, label, hint, placeholder } = option
  if (option.isSecret)
    return (
      <SecretField
        label={label}
        hint={hint}
        optional
        area={option.isLong}
        isSet={source?.gateway === gateway.name && source.secret_options.includes(path)}
        value={form.secret_options[path]}
        onChange={(value) => set({ secret_options: { ...form.secret_options, [path]: value } })}
      />
    )
  const value = form.options[path] ?? ""
  const change = (text: string) => set({ options: { ...form.options, [path]: text } })
  if (option.type === "boolean")
    return (
      <div className="field">
        <Check
          label={label}
          checked={value === "true"}
          onChange={(event) => change(String(event.target.checked))}
        />
        {hint && <p className="hint">{hint}</p>}
      </div>
    )
  const shared = {
    label,
    hint,
    placeholder,
    value,
    spellCheck: false,
    autoComplete: "off",
    onChange: (event: { target: { value: string } }) => change(event.target.value),
  }
  if (option.isLong) return <AreaField rows={2} {...shared} />
  const isNumber = option.type === "integer" || option.type === "number"
  return (
    <TextField type={option.isUrl ? "url" : isNumber ? "number" : "text"} step="any" {...shared} />
  )
}
