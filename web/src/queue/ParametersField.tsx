/** The parameters of a run: a JSON object, as people type it. */
import type { RegisteredPipeline } from "../api/types"
import { AreaField } from "../ui/Field"
import { runTexts } from "./en"

export type Parameters = Record<string, unknown>

/** The object that was typed, {} where nothing was; null where it is none. */
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

/** An object as one types it; nothing where it is empty. */
export function formatParameters(parameters: Parameters): string {
  return Object.keys(parameters).length > 0 ? JSON.stringify(parameters, null, 2) : ""
}

interface ParametersFieldProps {
  pipeline: RegisteredPipeline | undefined
  value: string
  onChange: (text: string) => void
  /** Whether what is wrong is said already. */
  judged: boolean
  /** What the preset has, where one was chosen. */
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
