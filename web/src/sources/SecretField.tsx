/** A field for a secret. A stored secret is never shown; it can be replaced or deleted. */
import { type ReactNode, useId } from "react"
import { Button } from "../ui/Button"
import { sourceTexts } from "./en"

/** The change of a stored secret: undefined keeps it, null deletes it, text replaces it. */
export type Secret = string | null | undefined

interface SecretFieldProps {
  label: string
  hint?: ReactNode
  /** Whether a secret is stored. */
  isSet: boolean
  value: Secret
  onChange: (value: Secret) => void
  /** Whether the secret can be deleted. */
  optional?: boolean
  /** Whether the secret has several lines, such as a key. */
  area?: boolean
}

export function SecretField({
  label,
  hint,
  isSet,
  value,
  onChange,
  optional,
  area,
}: SecretFieldProps) {
  const id = useId()
  const t = sourceTexts
  if (isSet && typeof value !== "string") {
    return (
      <div className="field" role="group" aria-labelledby={`${id}-label`}>
        <span id={`${id}-label`} className="label">
          {label}
        </span>
        <div className="secret-kept">
          <span className={value === null ? "amber" : "soft"}>
            {value === null ? t.secretDeleted : t.secretSet}
          </span>
          <div className="actions">
            {value === null && (
              <Button small onClick={() => onChange(undefined)}>
                {t.keepSecret}
              </Button>
            )}
            {value !== null && (
              <Button small onClick={() => onChange("")}>
                {t.replace}
              </Button>
            )}
            {value !== null && optional && (
              <Button small onClick={() => onChange(null)}>
                {t.deleteSecret}
              </Button>
            )}
          </div>
        </div>
      </div>
    )
  }
  const shared = {
    id,
    "aria-describedby": hint || isSet ? `${id}-hint` : undefined,
    autoComplete: area ? "off" : "new-password",
    spellCheck: false,
    value: value ?? "",
    onChange: (event: { target: { value: string } }) => onChange(event.target.value),
  }
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {area ? (
        <textarea className="input area" rows={4} {...shared} />
      ) : (
        <input className="input" type="password" {...shared} />
      )}
      {(hint || isSet) && (
        <p className="hint" id={`${id}-hint`}>
          {isSet ? t.secretReplaced : hint}{" "}
          {isSet && (
            <button type="button" className="link" onClick={() => onChange(undefined)}>
              {t.keepSecret}
            </button>
          )}
        </p>
      )}
    </div>
  )
}
