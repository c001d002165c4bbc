/**
 * The field for images that the server downloads: their URLs, one per line, and their deployment.
 */
import type { Deployment } from "../api/types"
import { AreaField, SelectField } from "../ui/Field"
import { runTexts } from "./en"

/** Maximum number of URLs per job. */
const MAX_URLS = 100
const MAX_LENGTH = 2000

export interface ImageUrls {
  /** Without duplicates, in the order of the text. */
  urls: string[]
  /** An error message. */
  problem?: string
}

function isUrl(text: string): boolean {
  if (text.length > MAX_LENGTH || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const { username, password } = new URL(text)
  return !username && !password
}

/** Parse the typed or pasted URLs; characters outside ASCII are percent-encoded. */
export function parseImageUrls(text: string): ImageUrls {
  const lines = text.split("\n").map((line) => line.trim())
  const wrong = lines.findIndex((line) => line && !isUrl(line))
  const urls = [
    ...new Set(
      lines
        .filter((line) => line && isUrl(line))
        .map((line) => (/^[!-~]+$/.test(line) ? line : new URL(line).href)),
    ),
  ]
  if (wrong >= 0) return { urls, problem: runTexts.notAddress(wrong + 1) }
  return urls.length > MAX_URLS
    ? { urls, problem: runTexts.tooManyAddresses(urls.length, MAX_URLS) }
    : { urls }
}

interface ImageUrlsFieldProps {
  value: string
  onChange: (text: string) => void
  into: string
  onInto: (deployment: string) => void
  deployments: Deployment[]
}

export function ImageUrlsField({
  value,
  onChange,
  into,
  onInto,
  deployments,
}: ImageUrlsFieldProps) {
  const t = runTexts
  return (
    <>
      <AreaField
        label={t.addresses}
        hint={t.addressesHint(MAX_URLS)}
        rows={Math.min(10, Math.max(3, value.split("\n").length))}
        spellCheck={false}
        autoComplete="off"
        wrap="off"
        placeholder={"https://camera.example/IMG_0001.JPG"}
        value={value}
        error={parseImageUrls(value).problem}
        onChange={(event) => onChange(event.target.value)}
      />
      <SelectField label={t.into} value={into} onChange={(event) => onInto(event.target.value)}>
        <option value="">{t.intoDefault}</option>
        {deployments.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </SelectField>
    </>
  )
}
