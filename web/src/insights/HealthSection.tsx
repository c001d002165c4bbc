/** Cameras sorted by the urgency of a visit. */
import { useQuery } from "@tanstack/react-query"
import { Link } from "wouter"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { CsvLink } from "../ui/charts/Chart"
import { formatCount } from "../ui/en"
import { Timestamp } from "../ui/time"
import { healthTexts as t } from "./en"
import type { InsightFilter } from "./insightFilter"
import { buildTableUrl } from "./insightFilter"
import { formatPercent, formatRate, Notes, Panel } from "./Panel"
import { healthQuery } from "./queries"

export function HealthSection({ filter }: { filter: InsightFilter }) {
  const project = useProject()
  const query = useQuery(healthQuery(project.id))
  const { data } = query
  const cameras = data?.cameras ?? []
  return (
    <Panel
      id="health"
      query={query}
      title={t.title}
      controls={<CsvLink href={buildTableUrl(project.id, filter, "camera-health")} />}
      foot={data && <Notes notes={data.notes} />}
    >
      {data && cameras.length === 0 && <p className="insight-empty">{t.none}</p>}
      {cameras.length > 0 && (
        <div className="insight-scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead>
              <tr>
                <th>{t.camera}</th>
                <th className="number">{t.urgency}</th>
                <th>{t.problems}</th>
                <th>{t.lastImage}</th>
                <th className="number">{t.perDay}</th>
                <th className="number">{t.blanks}</th>
              </tr>
            </thead>
            <tbody>
              {cameras.map((one) => (
                <tr key={one.deployment_id}>
                  <td>
                    <Link className="name" href={paths.deployment(project.id, one.deployment_id)}>
                      {one.name}
                    </Link>
                  </td>
                  <td className="number">{formatCount(one.urgency)}</td>
                  <td className={one.problems.length > 0 ? "amber" : "soft"}>
                    {one.problems.length > 0
                      ? one.problems.map((problem) => t.names[problem] ?? problem).join(", ")
                      : t.ok}
                  </td>
                  <td>
                    <Timestamp at={one.last_image_at} />
                  </td>
                  <td
                    className="number"
                    title={
                      one.recent_images_per_day === null
                        ? undefined
                        : t.recent(formatRate(one.recent_images_per_day))
                    }
                  >
                    {formatRate(one.images_per_day)}
                  </td>
                  <td className="number">{formatPercent(one.blank_share)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}
