/** The progress of the review on the overview: by deployment and by person. */
import { useQuery } from "@tanstack/react-query"
import { Link } from "wouter"
import { paths, withSearch } from "../paths"
import { canReview, useProject } from "../projects/projectContext"
import { progressQuery } from "../review/reviewQueries"
import { formatCount } from "../ui/en"
import { reviewProgressTexts as t } from "./en"

const MAX_DEPLOYMENTS = 6
const MAX_PEOPLE = 6

export function ReviewProgressSection() {
  const project = useProject()
  const { data } = useQuery({ ...progressQuery(project.id), staleTime: 60_000 })
  if (!data || data.images === 0) return null
  const { deployments, people } = data
  return (
    <section className="section" data-testid="review-progress">
      <div className="section-head">
        <h2>{t.title}</h2>
        {canReview(project) && (
          <Link href={withSearch(paths.review(project.id), { reviewed: "false" })}>{t.go}</Link>
        )}
      </div>
      <p className="soft">{t.total(data.reviewed, data.images)}</p>
      <ul className="review-shares-list">
        {deployments.slice(0, MAX_DEPLOYMENTS).map((one) => (
          <li key={one.deployment_id}>
            <Link
              href={withSearch(paths.images(project.id), {
                deployment: one.deployment_id,
                reviewed: one.reviewed < one.images ? "false" : undefined,
              })}
            >
              {one.name}
            </Link>
            <progress aria-label={one.name} value={one.reviewed} max={one.images} />
            <span>{t.part(one.reviewed, one.images)}</span>
          </li>
        ))}
      </ul>
      {deployments.length > MAX_DEPLOYMENTS && (
        <p className="soft small">{t.more(deployments.length - MAX_DEPLOYMENTS)}</p>
      )}
      {people.length > 0 && (
        <table className="table review-people">
          <thead>
            <tr>
              <th>{t.person}</th>
              <th className="number">{t.images}</th>
              <th className="number">{t.today}</th>
            </tr>
          </thead>
          <tbody>
            {people.slice(0, MAX_PEOPLE).map((one) => (
              <tr key={one.person_id ?? one.by}>
                <td>{one.by}</td>
                <td className="number">{formatCount(one.images)}</td>
                <td className="number">{formatCount(one.recent)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
