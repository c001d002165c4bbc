/** The options of a gateway: form fields from their JSON schema, and the request from the fields. */
import type { Gateway } from "../api/types"
import { translateGateway } from "./en"
import type { Secret } from "./SecretField"

interface Schema {
  type?: string
  title?: string
  description?: string
  default?: unknown
  examples?: unknown[]
  format?: string
  writeOnly?: boolean
  $ref?: string
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  $defs?: Record<string, Schema>
}

/** One option, or a group of options. */
export interface GatewayOption {
  /** The names of the groups and of the option, joined with dots. */
  path: string
  label: string
  hint?: string
  placeholder?: string
  type: string
  isUrl: boolean
  isLong: boolean
  isSecret: boolean
  options: GatewayOption[]
}

/** List the options of a gateway, in the order of their schema. */
export function listOptions(gateway: Gateway): GatewayOption[] {
  const root = gateway.options as Schema
  const list = (schema: Schema, prefix: string): GatewayOption[] =>
    Object.entries(schema.properties ?? {}).map(([name, property]) => {
      const path = prefix + name
      const key = `${gateway.name}.${path}`
      const value = resolveSchema(property, root)
      const example = value.examples?.[0] ?? value.default
      return {
        path,
        label: translateGateway(key, value.title ?? name),
        hint: property.description && translateGateway(`${key}:hint`, property.description),
        placeholder: typeof example === "string" && example ? example : undefined,
        type: value.type ?? "string",
        isUrl: value.format === "uri",
        isLong: value.format === "multi-line",
        isSecret: value.writeOnly ?? false,
        options: list(value, `${path}.`),
      }
    })
  return list(root, "")
}

/** Merge a property with the definition that it refers to, and with its type if it can be null. */
function resolveSchema(property: Schema, root: Schema): Schema {
  const named = root.$defs?.[property.$ref?.split("/").at(-1) ?? ""]
  const present = property.anyOf?.find((one) => one.type !== "null")
  return { ...named, ...(present && resolveSchema(present, root)), ...property }
}

/** Return stored options as the texts of fields, by path. */
export function flattenOptions(stored: object, prefix = ""): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stored).flatMap(([name, value]: [string, unknown]) =>
      value && typeof value === "object" && !Array.isArray(value)
        ? Object.entries(flattenOptions(value, `${prefix}${name}.`))
        : [[prefix + name, Array.isArray(value) ? value.join(", ") : String(value ?? "")]],
    ),
  )
}

/** Build the options of a request; empty fields and unchanged secrets are omitted. */
export function buildOptions(
  options: GatewayOption[],
  texts: Record<string, string>,
  secrets: Record<string, Secret>,
): Record<string, unknown> {
  return Object.fromEntries(
    options.flatMap((option) => {
      const value = buildOption(option, texts, secrets)
      const name = option.path.split(".").at(-1) as string
      return value === undefined || value === "" ? [] : [[name, value]]
    }),
  )
}

function buildOption(
  option: GatewayOption,
  texts: Record<string, string>,
  secrets: Record<string, Secret>,
): unknown {
  if (option.type === "object") return buildOptions(option.options, texts, secrets)
  if (option.isSecret) return secrets[option.path]
  const text = (texts[option.path] ?? "").trim()
  if (text === "") return undefined
  if (option.type === "array") return splitList(text)
  if (option.type === "boolean") return text === "true"
  return option.type === "integer" || option.type === "number" ? Number(text) : text
}

export const splitList = (text: string) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean)
