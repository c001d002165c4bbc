/** The values of the source form, and the request built from them. */
import type { AuthType, Source, SourceSettings } from "../api/types"
import type { Secret } from "./SecretField"

export type GatewayKind = "http" | "s3" | "ftp" | "sftp" | "folder" | "rest" | "websocket"

type SourceOrder = Source["order"]

export const KINDS: GatewayKind[] = ["http", "ftp", "sftp", "s3", "folder", "rest", "websocket"]

const BY_SCHEME: Record<string, GatewayKind[]> = {
  http: ["http", "rest"],
  https: ["http", "rest"],
  file: ["folder"],
  s3: ["s3"],
  ftp: ["ftp"],
  ftps: ["ftp"],
  sftp: ["sftp"],
  ws: ["websocket"],
  wss: ["websocket"],
}

/** The fields of a JSON mapping, the most important first. */
export const MAPPING = [
  "items",
  "url",
  "name",
  "time",
  "size",
  "etag",
  "next",
  "next_parameter",
] as const

/** Return the type of a source: the selected one, unless the URL's scheme requires another. */
export function getGatewayKind(address: string, chosen: GatewayKind): GatewayKind {
  const kinds = BY_SCHEME[address.trim().split(":")[0]?.toLowerCase() ?? ""]
  return kinds && !kinds.includes(chosen) ? (kinds[0] ?? chosen) : chosen
}

export interface SourceFormValues {
  kind: GatewayKind
  name: string
  base_url: string
  schedule: string
  auth_type: AuthType
  auth_username: string
  secret: Secret
  key: string
  option_secret: Secret
  region: string
  endpoint: string
  host_key: string
  mapping: Record<string, string>
  origins: string
  listing_url: string
  files_url: string
  max_files: string
  order: SourceOrder
  concurrency: string
  rate_limit: string
  include: string
  exclude: string
  time_pattern: string
  min_age: string
}

const splitList = (text: string) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean)
const toText = (value: unknown) => (typeof value === "string" ? value : "")

/** Build the initial values of the form: defaults, or those of the stored source. */
export function buildFormValues(source: Source | undefined): SourceFormValues {
  const options = source?.options ?? {}
  const mapping = (options.mapping ?? {}) as Record<string, unknown>
  return {
    kind: (source?.gateway as GatewayKind | undefined) ?? "http",
    name: source?.name ?? "",
    base_url: source?.base_url ?? "",
    schedule: source?.schedule ?? "0 * * * *",
    auth_type: source?.auth_type ?? "none",
    auth_username: source?.auth_username ?? "",
    secret: undefined,
    key: toText(options.key),
    option_secret: undefined,
    region: toText(options.region),
    endpoint: toText(options.endpoint),
    host_key: toText(options.host_key),
    mapping: Object.fromEntries(MAPPING.map((part) => [part, toText(mapping[part])])),
    origins: ((options.file_origins ?? []) as string[]).join(", "),
    listing_url: toText(options.listing_url),
    files_url: toText(options.files_url),
    max_files: String(source?.max_files_per_run ?? 10),
    order: source?.order ?? "oldest",
    concurrency: String(source?.concurrency ?? 4),
    rate_limit: source?.rate_limit_per_s?.toString() ?? "",
    include: source?.include.join(", ") ?? "",
    exclude: source?.exclude.join(", ") ?? "",
    time_pattern: source?.filename_time_pattern ?? "",
    min_age: String(source?.min_age_s ?? 0),
  }
}

function buildAuth(form: SourceFormValues): AuthType {
  if (form.kind === "folder" || form.kind === "s3") return "none"
  if (form.kind === "ftp" || form.kind === "sftp")
    return form.auth_username.trim() ? "basic" : "none"
  return form.auth_type
}

function buildSecrets(
  form: SourceFormValues,
  auth: AuthType,
): Pick<SourceSettings, "auth_password" | "auth_header"> {
  if (form.secret === undefined || form.secret === "" || auth === "none") return {}
  if (form.secret === null) return { auth_password: null, auth_header: null }
  if (auth === "basic") return { auth_password: form.secret }
  return { auth_header: auth === "bearer" ? `Bearer ${form.secret}` : form.secret }
}

function buildOptions(form: SourceFormValues): Record<string, unknown> {
  const given = (values: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(values)
        .filter(([, value]) => value.trim() !== "")
        .map(([name, value]) => [name, value.trim()]),
    )
  const secret = (name: string) =>
    form.option_secret === undefined || form.option_secret === ""
      ? {}
      : { [name]: form.option_secret }
  switch (form.kind) {
    case "s3":
      return {
        ...given({ endpoint: form.endpoint, region: form.region, key: form.key }),
        ...secret("secret"),
      }
    case "sftp":
      return { ...given({ host_key: form.host_key }), ...secret("key") }
    case "rest":
      return { mapping: given(form.mapping), file_origins: splitList(form.origins) }
    case "websocket":
      return given({ listing_url: form.listing_url, files_url: form.files_url })
    default:
      return {}
  }
}

/** Build the settings from the values of the form. */
export function buildSettings(form: SourceFormValues) {
  const auth = buildAuth(form)
  return {
    name: form.name.trim() || form.base_url.trim().slice(0, 255),
    base_url: form.base_url.trim(),
    gateway: form.kind,
    schedule: form.schedule.trim(),
    auth_type: auth,
    auth_username: auth === "basic" ? form.auth_username.trim() : null,
    ...buildSecrets(form, auth),
    options: buildOptions(form),
    max_files_per_run: Number(form.max_files) || 0,
    order: form.order,
    concurrency: Number(form.concurrency) || 4,
    rate_limit_per_s: Number(form.rate_limit) || null,
    include: splitList(form.include),
    exclude: splitList(form.exclude),
    filename_time_pattern: form.time_pattern || null,
    min_age_s: Number(form.min_age) || 0,
  }
}
