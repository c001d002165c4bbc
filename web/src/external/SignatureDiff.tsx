import { integrationTexts } from "./en"

interface Props {
  expected: string
  /** The text that the sender signed; empty if it is unknown. */
  signed: string
  /** Index of the first byte that differs, in UTF-8. */
  differsAt: number | null
  version: 1 | 2
}

const AROUND = 160

export function SignatureDiff({ expected, signed, differsAt, version }: Props) {
  const t = integrationTexts
  return (
    <div className="form signed-message">
      <div>
        <h3>{t.expected}</h3>
        <p className="soft small">{version === 2 ? t.expectedV2 : t.expectedV1}</p>
      </div>
      {differsAt !== null && (
        <p className="note" data-testid="difference">
          {t.differs(differsAt + 1, formatByte(expected, differsAt), formatByte(signed, differsAt))}
        </p>
      )}
      {differsAt === null && signed !== "" && <p className="note note-good">{t.same}</p>}
      <MarkedText label={t.serverSigns} text={expected} at={differsAt} />
      {differsAt !== null && <MarkedText label={t.youSigned} text={signed} at={differsAt} />}
    </div>
  )
}

/** A text with visible line breaks and one marked character. */
function MarkedText({ label, text, at }: { label: string; text: string; at: number | null }) {
  const place = at === null ? 0 : getPosition(text, at)
  const from = at === null ? 0 : Math.max(0, place - AROUND)
  const to = Math.min(text.length, at === null ? 4 * AROUND : place + AROUND)
  const point = at === null ? undefined : text.codePointAt(place)
  const marked = point === undefined ? "" : String.fromCodePoint(point)
  return (
    <figure>
      <figcaption className="small soft">{label}</figcaption>
      <pre tabIndex={0}>
        {from > 0 && "…"}
        {formatText(text.slice(from, place))}
        {at !== null && <mark>{marked === "" ? integrationTexts.end : formatText(marked)}</mark>}
        {formatText(text.slice(place + marked.length, to))}
        {to < text.length && "…"}
      </pre>
    </figure>
  )
}

function formatText(text: string): string {
  return text.replace(/\n/g, "⏎\n").replace(/\r/g, "␍").replace(/\t/g, "⇥")
}

const encoder = new TextEncoder()

/** Return the index of the character that contains a byte of the text in UTF-8. */
function getPosition(text: string, byte: number): number {
  let seen = 0
  let place = 0
  for (const character of text) {
    seen += encoder.encode(character).length
    if (seen > byte) return place
    place += character.length
  }
  return place
}

function formatByte(text: string, at: number): string {
  const t = integrationTexts
  const byte = encoder.encode(text)[at]
  if (byte === undefined) return t.bytes.end
  if (byte === 10) return t.bytes.newline
  if (byte === 13) return t.bytes.carriage
  if (byte === 32) return t.bytes.space
  if (byte === 9) return t.bytes.tab
  return byte > 32 && byte < 127
    ? `“${String.fromCharCode(byte)}”`
    : `0x${byte.toString(16).padStart(2, "0")}`
}
