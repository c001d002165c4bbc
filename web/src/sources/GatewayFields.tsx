/**
 * The fields of a type of source in addition to its URL: sign-in, keys, and the mapping of a JSON
 * API.
 */
import type { AuthType, Source } from "../api/types"
import { AreaField, SelectField, TextField } from "../ui/Field"
import { sourceTexts } from "./en"
import { SecretField } from "./SecretField"
import { type GatewayKind, KINDS, MAPPING, type SourceFormValues } from "./sourceSettings"

interface FieldsProps {
  form: SourceFormValues
  set: (change: Partial<SourceFormValues>) => void
  /** The source that is edited; undefined for a new one. */
  source?: Source
}

/** Selects the type of a source. */
export function GatewayKindSelect({ form, set }: FieldsProps) {
  const t = sourceTexts
  return (
    <fieldset className="fieldset">
      <legend>{t.kind}</legend>
      <div className="choices">
        {KINDS.map((kind) => (
          <label key={kind} className="choice">
            <input
              type="radio"
              name="kind"
              checked={form.kind === kind}
              onChange={() => set({ kind })}
            />
            <span>{t.kinds[kind]}</span>
          </label>
        ))}
      </div>
      <p className="hint">{t.kindTexts[form.kind]}</p>
    </fieldset>
  )
}

export function GatewayFields(props: FieldsProps) {
  switch (props.form.kind) {
    case "s3":
      return <S3Fields {...props} />
    case "ftp":
      return <FtpFields {...props} />
    case "sftp":
      return <SftpFields {...props} />
    case "rest":
      return (
        <>
          <SignInFields {...props} />
          <MappingFields {...props} />
        </>
      )
    case "websocket":
      return (
        <>
          <SignInFields {...props} />
          <FeedFields {...props} />
        </>
      )
    case "folder":
      return null
    default:
      return <SignInFields {...props} />
  }
}

/** Whether the stored source has such a secret. It applies only while the type is unchanged. */
const hasOption = (source: Source | undefined, kind: GatewayKind, auth?: AuthType) =>
  Boolean(
    source &&
      source.gateway === kind &&
      (auth === undefined || source.auth_type === auth) &&
      (source.has_password || source.has_auth_header),
  )

function bindField(form: SourceFormValues, set: FieldsProps["set"]) {
  return (
    key:
      | "auth_username"
      | "key"
      | "region"
      | "endpoint"
      | "host_key"
      | "origins"
      | "listing_url"
      | "files_url",
  ) => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) => set({ [key]: event.target.value }),
  })
}

function SignInFields({ form, set, source }: FieldsProps) {
  const t = sourceTexts
  const field = bindField(form, set)
  const isSet = hasOption(source, form.kind, form.auth_type)
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
        {Object.entries(t.auths).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </SelectField>
      {form.auth_type === "basic" && (
        <TextField label={t.user} required autoComplete="off" {...field("auth_username")} />
      )}
      {form.auth_type === "basic" && <SecretField label={t.password} optional {...secret} />}
      {form.auth_type === "bearer" && <SecretField label={t.bearer} {...secret} />}
      {form.auth_type === "header" && (
        <SecretField label={t.header} hint={t.headerHint} {...secret} />
      )}
    </div>
  )
}

function FtpFields({ form, set, source }: FieldsProps) {
  const t = sourceTexts
  return (
    <div className="form-row">
      <TextField
        label={t.user}
        hint={t.anonymous}
        autoComplete="off"
        {...bindField(form, set)("auth_username")}
      />
      <SecretField
        label={t.password}
        optional
        isSet={hasOption(source, "ftp")}
        value={form.secret}
        onChange={(secret) => set({ secret })}
      />
    </div>
  )
}

function SftpFields({ form, set, source }: FieldsProps) {
  const t = sourceTexts
  const field = bindField(form, set)
  const keyIsSet = Boolean(source?.gateway === "sftp" && source.secret_options.includes("key"))
  return (
    <>
      <div className="form-row">
        <TextField label={t.user} required autoComplete="off" {...field("auth_username")} />
        <SecretField
          label={t.password}
          optional
          isSet={hasOption(source, "sftp")}
          value={form.secret}
          onChange={(secret) => set({ secret })}
        />
      </div>
      <SecretField
        label={t.privateKey}
        hint={t.privateKeyHint}
        optional
        area
        isSet={keyIsSet}
        value={form.option_secret}
        onChange={(option_secret) => set({ option_secret })}
      />
      <AreaField
        label={t.hostKey}
        hint={t.hostKeyHint}
        rows={2}
        spellCheck={false}
        placeholder="ssh-ed25519 AAAA…"
        {...field("host_key")}
      />
    </>
  )
}

function S3Fields({ form, set, source }: FieldsProps) {
  const t = sourceTexts
  const field = bindField(form, set)
  const isSet = Boolean(source?.gateway === "s3" && source.secret_options.includes("secret"))
  return (
    <>
      <div className="form-row">
        <TextField
          label={t.endpoint}
          hint={t.endpointHint}
          placeholder="https://s3.example"
          {...field("endpoint")}
        />
        <TextField label={t.region} placeholder="us-east-1" {...field("region")} />
      </div>
      <div className="form-row">
        <TextField label={t.key} hint={t.keyHint} autoComplete="off" {...field("key")} />
        <SecretField
          label={t.secret}
          optional
          isSet={isSet}
          value={form.option_secret}
          onChange={(option_secret) => set({ option_secret })}
        />
      </div>
    </>
  )
}

function FeedFields({ form, set }: FieldsProps) {
  const t = sourceTexts
  const field = bindField(form, set)
  return (
    <div className="form-row">
      <TextField
        label={t.listingUrl}
        hint={t.listingUrlHint}
        type="url"
        placeholder="https://hub.example/images/"
        {...field("listing_url")}
      />
      <TextField
        label={t.filesUrl}
        hint={t.filesUrlHint}
        type="url"
        placeholder="https://hub.example/images/"
        {...field("files_url")}
      />
    </div>
  )
}

function MappingFields({ form, set }: FieldsProps) {
  const t = sourceTexts
  const said: Record<(typeof MAPPING)[number], [label: string, example: string, hint?: string]> = {
    items: [t.items, "data.items", t.itemsHint],
    url: [t.itemUrl, "url"],
    name: [t.itemName, "filename"],
    time: [t.itemTime, "taken_at"],
    size: [t.itemSize, "bytes"],
    etag: [t.itemEtag, "etag"],
    next: [t.nextPage, "links.next", t.nextPageHint],
    next_parameter: [t.nextParameter, "cursor", t.nextParameterHint],
  }
  return (
    <fieldset className="fieldset form">
      <legend>{t.mapping}</legend>
      <p className="hint">{t.mappingHint}</p>
      <div className="form-row">
        {MAPPING.map((part) => (
          <TextField
            key={part}
            label={said[part][0]}
            placeholder={said[part][1]}
            hint={said[part][2]}
            spellCheck={false}
            value={form.mapping[part] ?? ""}
            onChange={(event) => set({ mapping: { ...form.mapping, [part]: event.target.value } })}
          />
        ))}
      </div>
      <TextField label={t.origins} hint={t.originsHint} {...bindField(form, set)("origins")} />
    </fieldset>
  )
}
