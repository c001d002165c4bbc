/** The fields that a kind of source needs beside its address: sign-in, keys, the mapping of a JSON interface. */
import type { AuthType, Source } from "../api/types"
import { AreaField, SelectField, TextField } from "../ui/Field"
import { sourceWords } from "./en"
import { SecretField } from "./SecretField"
import { type Filled, type Kind, KINDS, MAPPING } from "./sourceSettings"

interface FieldsProps {
  form: Filled
  set: (change: Partial<Filled>) => void
  /** The stored source that is changed, if there is one. */
  source?: Source
}

/** Chooses what a source is, each kind at a glance. */
export function KindChoice({ form, set }: FieldsProps) {
  const w = sourceWords
  return (
    <fieldset className="fieldset">
      <legend>{w.kind}</legend>
      <div className="choices">
        {KINDS.map((kind) => (
          <label key={kind} className="choice">
            <input type="radio" name="kind" checked={form.kind === kind} onChange={() => set({ kind })} />
            <span>{w.kinds[kind]}</span>
          </label>
        ))}
      </div>
      <p className="hint">{w.kindTexts[form.kind]}</p>
    </fieldset>
  )
}

export function GatewayFields(props: FieldsProps) {
  switch (props.form.kind) {
    case "s3": return <S3Fields {...props} />
    case "ftp": return <FtpFields {...props} />
    case "sftp": return <SftpFields {...props} />
    case "rest": return <><SignInFields {...props} /><MappingFields {...props} /></>
    case "websocket": return <><SignInFields {...props} /><FeedFields {...props} /></>
    case "folder": return null
    default: return <SignInFields {...props} />
  }
}

/** Whether the stored source has such a secret, which only counts while its kind stays. */
const has = (source: Source | undefined, kind: Kind, auth?: AuthType) =>
  Boolean(source && source.gateway === kind && (auth === undefined || source.auth_type === auth) && (source.has_password || source.has_auth_header))

function typed(form: Filled, set: FieldsProps["set"]) {
  return (key: "auth_username" | "key" | "region" | "endpoint" | "host_key" | "origins" | "listing_url" | "files_url") => ({
    value: form[key], onChange: (event: { target: { value: string } }) => set({ [key]: event.target.value }),
  })
}

function SignInFields({ form, set, source }: FieldsProps) {
  const w = sourceWords
  const field = typed(form, set)
  const isSet = has(source, form.kind, form.auth_type)
  const secret = { isSet, value: form.secret, onChange: (value: Filled["secret"]) => set({ secret: value }) }
  return (
    <div className="form-row">
      <SelectField label={w.auth} value={form.auth_type} onChange={(event) => set({ auth_type: event.target.value as AuthType, secret: undefined })}>
        {Object.entries(w.auths).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
      </SelectField>
      {form.auth_type === "basic" && <TextField label={w.user} required autoComplete="off" {...field("auth_username")} />}
      {form.auth_type === "basic" && <SecretField label={w.password} optional {...secret} />}
      {form.auth_type === "bearer" && <SecretField label={w.bearer} {...secret} />}
      {form.auth_type === "header" && <SecretField label={w.header} hint={w.headerHint} {...secret} />}
    </div>
  )
}

function FtpFields({ form, set, source }: FieldsProps) {
  const w = sourceWords
  return (
    <div className="form-row">
      <TextField label={w.user} hint={w.anonymous} autoComplete="off" {...typed(form, set)("auth_username")} />
      <SecretField label={w.password} optional isSet={has(source, "ftp")} value={form.secret} onChange={(secret) => set({ secret })} />
    </div>
  )
}

function SftpFields({ form, set, source }: FieldsProps) {
  const w = sourceWords
  const field = typed(form, set)
  const keyIsSet = Boolean(source?.gateway === "sftp" && source.secret_options.includes("key"))
  return (
    <>
      <div className="form-row">
        <TextField label={w.user} required autoComplete="off" {...field("auth_username")} />
        <SecretField label={w.password} optional isSet={has(source, "sftp")} value={form.secret} onChange={(secret) => set({ secret })} />
      </div>
      <SecretField label={w.privateKey} hint={w.privateKeyHint} optional area isSet={keyIsSet} value={form.option_secret} onChange={(option_secret) => set({ option_secret })} />
      <AreaField label={w.hostKey} hint={w.hostKeyHint} rows={2} spellCheck={false} placeholder="ssh-ed25519 AAAA…" {...field("host_key")} />
    </>
  )
}

function S3Fields({ form, set, source }: FieldsProps) {
  const w = sourceWords
  const field = typed(form, set)
  const isSet = Boolean(source?.gateway === "s3" && source.secret_options.includes("secret"))
  return (
    <>
      <div className="form-row">
        <TextField label={w.endpoint} hint={w.endpointHint} placeholder="https://s3.example" {...field("endpoint")} />
        <TextField label={w.region} placeholder="us-east-1" {...field("region")} />
      </div>
      <div className="form-row">
        <TextField label={w.key} hint={w.keyHint} autoComplete="off" {...field("key")} />
        <SecretField label={w.secret} optional isSet={isSet} value={form.option_secret} onChange={(option_secret) => set({ option_secret })} />
      </div>
    </>
  )
}

function FeedFields({ form, set }: FieldsProps) {
  const w = sourceWords
  const field = typed(form, set)
  return (
    <div className="form-row">
      <TextField label={w.listingUrl} hint={w.listingUrlHint} type="url" placeholder="https://hub.example/pictures/" {...field("listing_url")} />
      <TextField label={w.filesUrl} hint={w.filesUrlHint} type="url" placeholder="https://hub.example/pictures/" {...field("files_url")} />
    </div>
  )
}

function MappingFields({ form, set }: FieldsProps) {
  const w = sourceWords
  const said: Record<(typeof MAPPING)[number], [label: string, example: string, hint?: string]> = {
    items: [w.items, "data.items", w.itemsHint], url: [w.itemUrl, "url"], name: [w.itemName, "filename"], time: [w.itemTime, "taken_at"], size: [w.itemSize, "bytes"], etag: [w.itemEtag, "etag"],
    next: [w.nextPage, "links.next", w.nextPageHint], next_parameter: [w.nextParameter, "cursor", w.nextParameterHint],
  }
  return (
    <fieldset className="fieldset form">
      <legend>{w.mapping}</legend>
      <p className="hint">{w.mappingHint}</p>
      <div className="form-row">
        {MAPPING.map((part) => (
          <TextField
            key={part} label={said[part][0]} placeholder={said[part][1]} hint={said[part][2]} spellCheck={false}
            value={form.mapping[part] ?? ""} onChange={(event) => set({ mapping: { ...form.mapping, [part]: event.target.value } })}
          />
        ))}
      </div>
      <TextField label={w.origins} hint={w.originsHint} {...typed(form, set)("origins")} />
    </fieldset>
  )
}
