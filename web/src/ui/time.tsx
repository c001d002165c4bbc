/** Times, durations and sizes as text, with the time zone in the tooltip. */
import { useEffect, useState } from "react"
import { formatDecimal, locale, timeTexts as t } from "./en"

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400
/** Sizes are shown in at most terabytes. */
const LARGEST_UNIT = 4

/**
 * The user's variant of the language of the page, such as en-US: it has its own order of days and
 * months. The tests of single functions have no browser.
 */
const region =
  typeof window === "undefined"
    ? undefined
    : navigator.languages.find((one) => one.startsWith(`${locale.slice(0, 2)}-`))

const formats = new Map<string, Intl.DateTimeFormat>()

function format(
  zone: string | undefined,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const key = `${zone ?? ""} ${JSON.stringify(options)}`
  let formatter = formats.get(key)
  if (!formatter) {
    try {
      formatter = new Intl.DateTimeFormat(region ?? locale, { ...options, timeZone: zone })
    } catch {
      formatter = new Intl.DateTimeFormat(region ?? locale, { ...options, timeZone: "UTC" })
    }
    formats.set(key, formatter)
  }
  return formatter
}

/** Format the time of day, such as "14:32", in `zone` or the browser's time zone. */
export function formatTime(at: string, zone?: string): string {
  return format(zone, { hour: "2-digit", minute: "2-digit" }).format(new Date(at))
}

/** Format the day, such as "21 Nov"; with the year if it is not the current one. */
export function formatDay(at: string, zone?: string): string {
  const moment = new Date(at)
  const otherYear = moment.getFullYear() !== new Date().getFullYear()
  return format(zone, {
    day: "numeric",
    month: "short",
    year: otherYear ? "numeric" : undefined,
  }).format(moment)
}

/** Format the day as "Saturday 21 November 2026". */
export function formatLongDay(at: string, zone?: string): string {
  return format(zone, { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(
    new Date(at),
  )
}

/** Format all parts of a time, for a tooltip. */
export function formatExact(at: string, zone?: string): string {
  const text = format(zone, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "shortOffset",
  }).format(new Date(at))
  return zone ? `${text}, ${zone}` : text
}

/** Format a time relative to `now`, such as "2 h ago" or "in 5 min". */
export function formatAge(at: string, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000
  const size = Math.abs(seconds)
  if (size < 45) return seconds > 0 ? t.soon : t.now
  const span = formatSpan(size)
  return seconds > 0 ? t.future(span) : t.past(span)
}

function formatSpan(seconds: number): string {
  if (seconds < 50 * MINUTE) return t.minutes(Math.max(1, Math.round(seconds / MINUTE)))
  if (seconds < 22 * HOUR) return t.hours(Math.max(1, Math.round(seconds / HOUR)))
  const days = Math.max(1, Math.round(seconds / DAY))
  if (days < 60) return t.ageDays(days)
  const months = Math.round(days / 30.4)
  return months < 24 ? t.months(months) : t.years(Math.round(days / 365.25))
}

/** Format a duration in seconds, such as "3 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return t.underOneSecond
  if (seconds < 90) return t.seconds(Math.round(seconds))
  if (seconds < 90 * MINUTE) return t.minutes(Math.round(seconds / MINUTE))
  if (seconds < 36 * HOUR) return t.hours(formatDecimal(seconds / HOUR, 1))
  return t.days(Math.round(seconds / DAY))
}

function useNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 20_000)
    return () => clearInterval(timer)
  }, [])
  return now
}

/** A time such as "14:32, 2 h ago"; with the day if it is not today. */
export function Timestamp({
  at,
  zone,
  short,
}: {
  at: string | null | undefined
  zone?: string
  short?: boolean
}) {
  // Times after the last tick are not in the future.
  const now = Math.max(useNow(), Date.now())
  if (!at) return <span className="faint">{t.never}</span>
  const today = formatDay(at, zone) === formatDay(new Date(now).toISOString(), zone)
  const text = short
    ? formatAge(at, now)
    : `${today ? "" : `${formatDay(at, zone)}, `}${formatTime(at, zone)}, ${formatAge(at, now)}`
  return (
    <time dateTime={at} title={formatExact(at, zone)} className="when">
      {text}
    </time>
  )
}

/** Format a size in bytes, such as "4.1 MB". */
export function formatBytes(size: number): string {
  if (size < 1000) return t.bytes(size, 0)
  let value = size
  let unit = 0
  while (value >= 1000 && unit < LARGEST_UNIT) {
    value /= 1000
    unit += 1
  }
  return t.bytes(value < 10 ? formatDecimal(value, 1) : Math.round(value), unit)
}

/** Format a day such as 2026-06-01 as "Monday, 1 June 2026", or by `options`. */
export function formatPlainDay(
  day: string,
  options: Intl.DateTimeFormatOptions = {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  },
): string {
  return day ? format("UTC", options).format(new Date(`${day}T12:00:00Z`)) : ""
}

/** Add a number of days to a day such as 2026-06-01. */
export function addDays(day: string, days: number): string {
  const moment = new Date(`${day}T12:00:00Z`)
  moment.setUTCDate(moment.getUTCDate() + days)
  return moment.toISOString().slice(0, 10)
}

/** Return the day of a time in a zone, such as 2026-06-01. */
export function getDay(at: string, zone: string): string {
  const parts = Object.fromEntries(
    format(zone, { year: "numeric", month: "2-digit", day: "2-digit" })
      .formatToParts(new Date(at))
      .map((part) => [part.type, part.value]),
  )
  return `${parts.year}-${parts.month}-${parts.day}`
}

/** Format a day (2026-06-01) or a month (2026-06) as a heading. */
export function formatDayOrMonth(key: string): string {
  return key.length === 7
    ? formatPlainDay(`${key}-15`, { month: "long", year: "numeric" })
    : formatPlainDay(key)
}
