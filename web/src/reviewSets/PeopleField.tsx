/** Selects the members to whom a review set is assigned. */
import { useQuery } from "@tanstack/react-query"
import { useProject } from "../projects/projectContext"
import { membersQuery } from "../projects/queries"
import { reviewSetTexts as t } from "./en"

interface PeopleFieldProps {
  chosen: readonly string[]
  onChange: (chosen: readonly string[]) => void
}

export function PeopleField({ chosen, onChange }: PeopleFieldProps) {
  const project = useProject()
  const { data } = useQuery(membersQuery(project.id))
  const reviewers = data?.results.filter(({ role }) => role !== "viewer") ?? []
  return (
    <fieldset className="set-people">
      <legend>{t.people}</legend>
      <p className="hint">{t.peopleHint}</p>
      {reviewers.map(({ user_id, name, email }) => (
        <label key={user_id}>
          <input
            type="checkbox"
            checked={chosen.includes(user_id)}
            onChange={(event) =>
              onChange(
                event.target.checked
                  ? [...chosen, user_id]
                  : chosen.filter((one) => one !== user_id),
              )
            }
          />
          {name || email || user_id}
        </label>
      ))}
      {reviewers.length === 1 && <p className="hint">{t.alone}</p>}
    </fieldset>
  )
}
