/** Moments as a form's field of date and time has them, in a zone that need not be the browser's. */

/** Milliseconds that a zone's clock is ahead of UTC at a moment. */
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

/** "2026-11-21T14:32:05" as a clock in the zone shows the moment. */
export function toLocal(at: string, zone: string): string {
  const moment = new Date(at).getTime()
  return new Date(moment + ahead(moment, zone)).toISOString().slice(0, 19)
}

/** The moment at which a clock in the zone shows this; null for what is no time. */
export function fromLocal(text: string, zone: string): string | null {
  const shown = new Date(`${text.length === 16 ? `${text}:00` : text}Z`).getTime()
  if (Number.isNaN(shown)) return null
  // Once more with what was found: the zone's clock may have been changed in between.
  const first = shown - ahead(shown, zone)
  return new Date(shown - ahead(first, zone)).toISOString()
}

export function startOfDay(day: string, plusDays = 0): string | undefined {
  const [year, month, date] = day.split("-").map(Number)
  if (!year || !month || !date) return undefined
  return new Date(year, month - 1, date + plusDays).toISOString()
}
