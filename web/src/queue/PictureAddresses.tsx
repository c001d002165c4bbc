/** Pictures that the server fetches: their web addresses, one per line, and the deployment that they are put into. */
import type { Deployment } from "../api/types"
import { AreaField, SelectField } from "../ui/Field"
import { runWords } from "./en"

/** So many addresses one run takes. */
const MOST = 100
const LONGEST = 2000

export interface Addresses {
  /** Each once, in the order in which they stand. */
  urls: string[]
  /** What is wrong, in words. */
  problem?: string
}

function isAddress(text: string): boolean {
  if (text.length > LONGEST || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const { username, password } = new URL(text)
  return !username && !password
}

/** The addresses that were typed or pasted; those with anything but ASCII are written as they are sent. */
export function readAddresses(text: string): Addresses {
  const lines = text.split("\n").map((line) => line.trim())
  const wrong = lines.findIndex((line) => line && !isAddress(line))
  const urls = [...new Set(lines.filter((line) => line && isAddress(line)).map((line) => (/^[!-~]+$/.test(line) ? line : new URL(line).href)))]
  if (wrong >= 0) return { urls, problem: runWords.notAddress(wrong + 1) }
  return urls.length > MOST ? { urls, problem: runWords.tooManyAddresses(urls.length, MOST) } : { urls }
}

interface PictureAddressesProps {
  value: string
  onChange: (text: string) => void
  into: string
  onInto: (deployment: string) => void
  deployments: Deployment[]
}

export function PictureAddresses({ value, onChange, into, onInto, deployments }: PictureAddressesProps) {
  const w = runWords
  return (
    <>
      <AreaField
        label={w.addresses} hint={w.addressesHint(MOST)} rows={Math.min(10, Math.max(3, value.split("\n").length))} spellCheck={false} autoComplete="off" wrap="off"
        placeholder={"https://camera.example/IMG_0001.JPG"} value={value} error={readAddresses(value).problem} onChange={(event) => onChange(event.target.value)}
      />
      <SelectField label={w.into} value={into} onChange={(event) => onInto(event.target.value)}>
        <option value="">{w.intoDefault}</option>
        {deployments.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
      </SelectField>
    </>
  )
}
