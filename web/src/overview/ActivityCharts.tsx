/** Images by day, as bars that link to them, and independent events of animals by hour. */
import { useQuery } from "@tanstack/react-query"
import { Link } from "wouter"
import { timeTexts as t } from "../catalogue/en"
import { formatImages } from "../images/en"
import { projectSummaryQuery } from "../images/queries"
import { insightTexts } from "../insights/en"
import { parseInsightFilter } from "../insights/insightFilter"
import { summaryQuery } from "../insights/queries"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { formatCount } from "../ui/en"
import { addDays, formatPlainDay } from "../ui/time"

interface Bar {
  key: string
  label: string
  title: string
  /** The link of a bar; those of hours have none. */
  href?: string
  images: number
  blank: number
}

const MAX_DAYS = 62
const WITHOUT_FILTER = parseInsightFilter(new URLSearchParams())
const LABELLED_HOURS = 6

export function ActivityCharts() {
  const project = useProject()
  const { data } = useQuery(projectSummaryQuery(project.id))
  const { data: events } = useQuery(summaryQuery(project.id, WITHOUT_FILTER))
  if (!data || data.images === 0) return null
  const days = data.days
  const latest = days[0]?.day ?? ""
  const earliest = days.at(-1)?.day ?? latest
  const byMonth = addDays(earliest, MAX_DAYS) < latest
  const bars = groupByMonth(days, earliest, latest, byMonth).map(
    (one): Bar => ({
      ...one,
      title: t.day(
        byMonth ? one.label : formatPlainDay(one.key),
        formatImages(one.images),
        formatCount(one.blank),
      ),
      href: withSearch(paths.images(project.id), {
        from: one.key,
        to: byMonth ? addDays(`${addDays(one.key, 31).slice(0, 8)}01`, -1) : one.key,
      }),
    }),
  )
  // Blanks and bursts of one animal say nothing about when animals are active.
  const hours = events?.hours.map(
    (count, hour): Bar => ({
      key: String(hour),
      label: hour % LABELLED_HOURS === 0 ? String(hour).padStart(2, "0") : "",
      title: t.hour(hour, insightTexts.events(count)),
      images: count,
      blank: 0,
    }),
  )
  return (
    <>
      <section className="section">
        <div className="section-head">
          <h2>{byMonth ? t.perMonth : t.perDay}</h2>
          {data.is_behind && <span className="soft small">{t.behind}</span>}
        </div>
        <BarChart bars={bars} named={Math.ceil(bars.length / 6)} />
        {data.without_camera_time > 0 && (
          <p className="soft small" data-testid="without-camera-time">
            {t.withoutCameraTime(formatImages(data.without_camera_time))}
          </p>
        )}
      </section>
      {hours && events && events.events > 0 && (
        <section className="section">
          <div className="section-head">
            <h2>{t.byHour}</h2>
            <Link className="small" href={paths.insights(project.id, "activity")}>
              {t.byHourText(insightTexts.events(events.events))}
            </Link>
          </div>
          <BarChart bars={hours} named={1} />
        </section>
      )}
    </>
  )
}

function BarChart({ bars, named }: { bars: Bar[]; named: number }) {
  const most = Math.max(1, ...bars.map((one) => one.images))
  return (
    <ol className="bars">
      {bars.map((one, at) => (
        <li key={one.key}>
          <Bar one={one} most={most} />
          <small aria-hidden>
            {at % named === 0 && at + named <= bars.length ? one.label : ""}
          </small>
        </li>
      ))}
    </ol>
  )
}

function Bar({ one, most }: { one: Bar; most: number }) {
  if (one.images === 0) return <span />
  const bar = (
    <i style={{ height: `${Math.max((100 * one.images) / most, 2)}%` }}>
      <s style={{ height: `${(100 * one.blank) / one.images}%` }} />
    </i>
  )
  if (!one.href)
    return (
      <span role="img" title={one.title} aria-label={one.title}>
        {bar}
      </span>
    )
  return (
    <Link href={one.href} title={one.title} aria-label={one.title}>
      {bar}
    </Link>
  )
}

/** Group by day or month, earliest first, including those without images. */
function groupByMonth(
  days: { day: string; images: number; blank: number }[],
  earliest: string,
  latest: string,
  byMonth: boolean,
) {
  const found = new Map<string, { images: number; blank: number }>()
  for (const { day, images, blank } of days) {
    const key = byMonth ? `${day.slice(0, 8)}01` : day
    const open = found.get(key) ?? { images: 0, blank: 0 }
    found.set(key, { images: open.images + images, blank: open.blank + blank })
  }
  const all = []
  for (
    let key = byMonth ? `${earliest.slice(0, 8)}01` : earliest;
    key <= latest && all.length < 600;
    key = byMonth ? `${addDays(key, 31).slice(0, 8)}01` : addDays(key, 1)
  ) {
    const label = formatPlainDay(
      key,
      byMonth ? { month: "short", year: "numeric" } : { day: "numeric", month: "short" },
    )
    all.push({ key, label, ...(found.get(key) ?? { images: 0, blank: 0 }) })
  }
  return all
}
