/** The parameters of a job, typed as a JSON object. */
import type { RegisteredPipeline } from "../api/types"
import { AreaField } from "../ui/Field"
import { runTexts } from "./en"

export type Parameters = Record<string, unknown>

/** Parse a JSON object; {} for empty text, null for anything else. */
export function parseParameters(text: string): Parameters | null {
  if (!text.trim()) return {}
  try {
    const read: unknown = JSON.parse(text)
    return typeof read === "object" && read !== null && !Array.isArray(read)
      ? (read as Parameters)
      : null
  } catch {
    return null
  }
}

/** Format an object as JSON; empty text for an empty object. */
export function formatParameters(parameters: Parameters): string {
  return Object.keys(parameters).length > 0 ? JSON.stringify(parameters, null, 2) : ""
}

interface ParametersFieldProps {
  pipeline: RegisteredPipeline | undefined
  value: string
  onChange: (text: string) => void
  /** Whether errors are already shown. */
  judged: boolean
  /** The parameters of the selected preset. */
  preset?: Parameters
}

export function ParametersField({
  pipeline,
  value,
  onChange,
  judged,
  preset,
}: ParametersFieldProps) {
  const t = runTexts
  const keys = [
    ...new Set(pipeline?.stages?.flatMap((stage) => stage.params?.map((param) => param.key) ?? [])),
  ]
  const hints = [
    t.parametersHint,
    keys.length > 0 ? t.known(keys) : "",
    preset && Object.keys(preset).length > 0 ? t.ofPreset(JSON.stringify(preset)) : "",
  ]
  return (
    <AreaField
      label={t.parameters}
      hint={hints.filter(Boolean).join(" ")}
      rows={Math.min(12, Math.max(3, value.split("\n").length))}
      spellCheck={false}
      autoComplete="off"
      value={value}
      error={judged && parseParameters(value) === null ? t.notObject : undefined}
      onChange={(event) => onChange(event.target.value)}
    />
  )
}
