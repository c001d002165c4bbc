/** A section of insights with its title, its controls and the notes of the server. */
import type { ReactNode } from "react"
import type { InsightNote, Interval } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatDecimal } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { insightTexts as t } from "./en"

interface PanelProps {
  title: string
  id: string
  /** The request of the content: its error is shown, and a skeleton before its data. */
  query?: { data: unknown; error: unknown; refetch: () => unknown }
  controls?: ReactNode
  /** Notes and remarks below the content. */
  foot?: ReactNode
  children: ReactNode
}

export function Panel({ title, id, query, controls, foot, children }: PanelProps) {
  return (
    <section className="insight-panel" aria-labelledby={`${id}-title`} data-panel={id}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {controls && <div className="insight-controls">{controls}</div>}
      </header>
      {query?.error ? (
        <ErrorMessage error={query.error} retry={() => void query.refetch()} />
      ) : (
        query && !query.data && <SkeletonRows rows={4} />
      )}
      {children}
      <footer className="soft small">
        {foot}
        <p>{t.definition}</p>
      </footer>
    </section>
  )
}

export function Notes({ notes }: { notes: InsightNote[] }) {
  return notes.map((note) => (
    <p key={`${note.code} ${note.text}`}>
      {note.code === "not_species"
        ? t.notSpecies(note.names ?? [])
        : (t.notes[note.code] ?? note.text)}
    </p>
  ))
}

export const formatRate = (rate: number | null) => (rate === null ? "–" : formatDecimal(rate, 1))

export const formatPercent = (share: number | null) =>
  share === null ? "–" : `${Math.round(100 * share)} %`

/** A 95 % interval as a line with its estimate, from 0 to `most`. */
export function IntervalBar({
  value,
  interval,
  most,
  format,
}: {
  value: number | null
  interval: Interval | null
  most: number
  format: (value: number) => string
}) {
  if (value === null) return null
  const at = (one: number) => 96 * Math.min(1, Math.max(0, one / Math.max(most, 1e-9)))
  const text = interval ? t.interval95(format(interval.low), format(interval.high)) : format(value)
  return (
    <svg
      className="interval"
      viewBox="0 0 96 16"
      preserveAspectRatio="none"
      role="img"
      aria-label={text}
    >
      <title>{text}</title>
      <path className="interval-axis" d="M0 15.5H96" />
      {interval && (
        <path className="interval-line" d={`M${at(interval.low)} 8H${at(interval.high)}`} />
      )}
      <path className="interval-mark" d={`M${Math.max(0, at(value) - 2)} 3h4v10h-4z`} />
    </svg>
  )
}

interface ChoiceProps {
  label: string
  value: string
  options: readonly (readonly [string, string])[]
  onChange: (value: string) => void
}

export function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <select
      className="input input-small insight-choice"
      aria-label={label}
      title={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {options.map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  )
}
