/**
 * Conversion between UTC and the local time of a form field, in a time zone that can differ from
 * the browser's.
 */

/** Return the offset of a time zone from UTC at a time, in milliseconds. */
function ahead(moment: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(moment)
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value)
  return (
    Date.UTC(
      part("year"),
      part("month") - 1,
      part("day"),
      part("hour"),
      part("minute"),
      part("second"),
    ) -
    Math.floor(moment / 1000) * 1000
  )
}

/** Format a time as local time in the zone, such as "2026-11-21T14:32:05". */
export function toLocal(at: string, zone: string): string {
  const moment = new Date(at).getTime()
  return new Date(moment + ahead(moment, zone)).toISOString().slice(0, 19)
}

/** Minutes are enough. `Date` alone also parses other texts, such as "1.5.2026", as it likes. */
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?$/

/** Return the UTC time of a local time in the zone; null if the text is not a time. */
export function fromLocal(text: string, zone: string): string | null {
  const shown = LOCAL.test(text) ? new Date(`${text}Z`).getTime() : Number.NaN
  // `Date` reads 30 February as 2 March.
  if (Number.isNaN(shown) || !new Date(shown).toISOString().startsWith(text)) return null
  // Apply the offset a second time, because it can differ between the estimate and the result.
  const first = shown - ahead(shown, zone)
  return new Date(shown - ahead(first, zone)).toISOString()
}

export function startOfDay(day: string, plusDays = 0): string | undefined {
  const [year, month, date] = day.split("-").map(Number)
  if (!year || !month || !date) return undefined
  return new Date(year, month - 1, date + plusDays).toISOString()
}
