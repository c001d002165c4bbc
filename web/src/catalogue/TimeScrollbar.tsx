/** The time scrollbar next to the image grid; works by dragging and by keyboard. */
import { type KeyboardEvent, type PointerEvent, useMemo, useRef, useState } from "react"
import { formatDayOrMonth, formatPlainDay } from "../ui/time"
import { timeTexts } from "./en"
import { buildWeeks, findIndexAt, type Layout } from "./timeLayout"

interface TimeScrollbarProps {
  layout: Layout
  /** The position in the layout, from 0 at its start to the layout's height at its end. */
  at: number
  onJump: (at: number) => void
}

const MIN_DISTANCE = 0.055

/** Format a day or month so that it fits into the rail. */
const formatShort = (key: string) =>
  key.length === 7
    ? formatPlainDay(`${key}-15`, { month: "short", year: "numeric" })
    : formatPlainDay(key, { day: "numeric", month: "short" })

export function TimeScrollbar({ layout, at, onJump }: TimeScrollbarProps) {
  const rail = useRef<HTMLDivElement>(null)
  const [pointed, setPointed] = useState<number | null>(null)
  const { days, height } = layout
  const marks = useMemo(() => {
    const byYear = new Set(days.map((one) => one.key.slice(0, 4))).size > 2
    const found: { label: string; place: number }[] = []
    let known = ""
    for (const one of days) {
      const label = byYear
        ? one.key.slice(0, 4)
        : formatPlainDay(one.from, { month: "short", year: "numeric" })
      if (label === known) continue
      known = label
      const place = one.top / height
      if (found.length === 0 || place - (found.at(-1)?.place ?? 0) > MIN_DISTANCE)
        found.push({ label, place })
    }
    return found
  }, [days, height])
  const weeks = useMemo(() => buildWeeks(layout), [layout])
  const here = findIndexAt(days, at, (one) => one.top)
  const dayAt = (place: number) =>
    days[findIndexAt(days, place * height, (one) => one.top)]?.key ?? ""
  const placeOfPointer = (event: PointerEvent) => {
    const box = rail.current?.getBoundingClientRect()
    return box ? Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1) : 0
  }
  const move = (event: PointerEvent) => {
    const place = placeOfPointer(event)
    setPointed(place)
    if (event.buttons & 1) onJump(place * height)
  }
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowRight: 1,
      ArrowUp: -1,
      ArrowLeft: -1,
      PageDown: 30,
      PageUp: -30,
      Home: -days.length,
      End: days.length,
    }
    const step = steps[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    const target = Math.min(Math.max(here + step, 0), days.length - 1)
    onJump(target === days.length - 1 ? height : (days[target]?.top ?? 0))
  }
  const shown = pointed ?? at / height
  return (
    <div
      ref={rail}
      className="time-rail"
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={timeTexts.rail}
      aria-valuemin={0}
      aria-valuemax={Math.max(days.length - 1, 0)}
      aria-valuenow={here}
      aria-valuetext={formatDayOrMonth(days[here]?.key ?? "")}
      onKeyDown={onKey}
      onPointerMove={move}
      onPointerLeave={() => setPointed(null)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        move(event)
        onJump(placeOfPointer(event) * height)
      }}
    >
      {weeks.map((week) => (
        <u
          key={week.place}
          style={{
            top: `${100 * week.place}%`,
            height: `max(2px, ${100 * week.height}% - 1px)`,
            width: `${100 * week.share}%`,
          }}
          aria-hidden
        />
      ))}
      {marks.map((mark) => (
        <span
          key={mark.label}
          className="time-mark"
          style={{ top: `${100 * mark.place}%` }}
          aria-hidden
        >
          {mark.label}
        </span>
      ))}
      <i style={{ top: `${(100 * at) / height}%` }} aria-hidden />
      {pointed !== null && (
        <b style={{ top: `${100 * shown}%` }} aria-hidden>
          {formatShort(dayAt(shown))}
        </b>
      )}
    </div>
  )
}
