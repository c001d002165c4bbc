/** The values of the source form, and the request built from them. */
import type { AuthType, Gateway, Source, SourceSettings } from "../api/types"
import { buildOptions, flattenOptions, listOptions, splitList } from "./gatewayOptions"
import type { Secret } from "./SecretField"

type SourceOrder = Source["order"]

/** Return the gateway of a source: the selected one, unless the URL's scheme requires another. */
export function getGatewayName(address: string, chosen: string, gateways: Gateway[]): string {
  const scheme = address.trim().split(":")[0]?.toLowerCase() ?? ""
  const names = gateways.filter((one) => one.schemes.includes(scheme)).map((one) => one.name)
  return names.includes(chosen) ? chosen : (names[0] ?? chosen)
}

/** Whether the only sign-in is by user and password, which needs no choice. */
export const hasPlainSignIn = (gateway: Gateway) =>
  gateway.auth_types.every((one) => one === "none" || one === "basic")

export interface SourceFormValues {
  gateway: string
  name: string
  base_url: string
  schedule: string
  auth_type: AuthType
  auth_username: string
  secret: Secret
  /** The options of the gateway by path. */
  options: Record<string, string>
  secret_options: Record<string, Secret>
  max_files: string
  order: SourceOrder
  concurrency: string
  rate_limit: string
  include: string
  exclude: string
  time_pattern: string
  min_age: string
}

/** Build the initial values of the form: defaults, or those of the stored source. */
export function buildFormValues(source: Source | undefined): SourceFormValues {
  return {
    gateway: source?.gateway ?? "http",
    name: source?.name ?? "",
    base_url: source?.base_url ?? "",
    schedule: source?.schedule ?? "0 * * * *",
    auth_type: source?.auth_type ?? "none",
    auth_username: source?.auth_username ?? "",
    secret: undefined,
    options: flattenOptions(source?.options ?? {}),
    secret_options: {},
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

function buildAuth(form: SourceFormValues, gateway: Gateway): AuthType {
  const named = form.auth_username.trim() ? "basic" : "none"
  const chosen = hasPlainSignIn(gateway) ? named : form.auth_type
  return gateway.auth_types.includes(chosen) ? chosen : (gateway.auth_types[0] ?? "none")
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

/** Build the settings from the values of the form. */
export function buildSettings(form: SourceFormValues, gateway: Gateway) {
  const auth = buildAuth(form, gateway)
  return {
    name: form.name.trim() || form.base_url.trim().slice(0, 255),
    base_url: form.base_url.trim(),
    gateway: gateway.name,
    schedule: form.schedule.trim(),
    auth_type: auth,
    auth_username: auth === "basic" ? form.auth_username.trim() : null,
    ...buildSecrets(form, auth),
    options: buildOptions(listOptions(gateway), form.options, form.secret_options),
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
