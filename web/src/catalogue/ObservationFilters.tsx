/** Filters of images by their observations, with the number of images for each option. */
import { useQuery } from "@tanstack/react-query"
import { imageTexts } from "../images/en"
import {
  classesQuery,
  type ImageFilter,
  imageCountQuery,
  individualsQuery,
  NO_FILTER,
  observationGroupsQuery,
} from "../images/queries"
import { useProject } from "../projects/projectContext"
import { membersQuery } from "../projects/queries"
import { taxonQuery } from "../taxa/queries"
import { TaxonSelect } from "../taxa/TaxonSelect"
import { formatCount } from "../ui/en"
import { SelectField, TextField } from "../ui/Field"
import { observationFilterTexts as t } from "./en"

interface ObservationFiltersProps {
  id: string
  filter: ImageFilter
  onChange: (key: keyof ImageFilter, value: string) => void
}

const USER_PREFIX = "user:"

/** Append the number of images, if it is known. */
const withCount = (text: string, images: number | undefined) =>
  images === undefined ? text : `${text} (${formatCount(images)})`

export function ObservationFilters({ id, filter, onChange }: ObservationFiltersProps) {
  const project = useProject()
  const { data: kinds } = useQuery(observationGroupsQuery(project.id, "kind"))
  const { data: sources } = useQuery(observationGroupsQuery(project.id, "source"))
  const { data: people } = useQuery(observationGroupsQuery(project.id, "person"))
  const { data: members } = useQuery(membersQuery(project.id))
  const { data: review } = useQuery(
    imageCountQuery(project.id, { ...NO_FILTER, needs_review: "true" }),
  )
  const { data: individuals } = useQuery(individualsQuery(project.id))
  const { data: classes } = useQuery(classesQuery(project.id))
  const { data: taxon } = useQuery({ ...taxonQuery(filter.taxon), enabled: Boolean(filter.taxon) })
  const countOf = (groups: typeof kinds, key: string) =>
    groups?.groups.find((group) => group.key === key)?.images
  const users = (people?.groups ?? []).flatMap(({ key, images }) =>
    key.startsWith(USER_PREFIX) ? [{ id: key.slice(USER_PREFIX.length), images }] : [],
  )
  const nameOf = (user: string) => {
    const member = members?.results.find((one) => one.user_id === user)
    return member?.name || member?.email || t.formerMember
  }
  const field = (key: keyof ImageFilter) => ({
    value: filter[key],
    onChange: (event: { target: { value: string } }) => onChange(key, event.target.value),
  })
  return (
    <div id={id} className="observation-filters" role="group" aria-label={t.title}>
      <div className="field">
        <label htmlFor={`${id}-taxon`}>{t.taxon}</label>
        <TaxonSelect
          id={`${id}-taxon`}
          key={filter.taxon}
          chosen={taxon?.scientific_name ?? ""}
          placeholder={t.anyTaxon}
          onChoose={(chosen) => onChange("taxon", chosen.id)}
        />
      </div>
      <SelectField label={t.kind} {...field("kind")}>
        <option value="">{t.anyKind}</option>
        {Object.entries(t.kinds).map(([kind, text]) => (
          <option key={kind} value={kind}>
            {withCount(text, countOf(kinds, kind))}
          </option>
        ))}
      </SelectField>
      <SelectField label={t.needsReview} {...field("needs_review")}>
        <option value="">{t.anyReview}</option>
        <option value="true">{withCount(t.reviews.true, review?.count)}</option>
        <option value="false">{t.reviews.false}</option>
      </SelectField>
      <SelectField label={t.source} {...field("source")}>
        <option value="">{t.anySource}</option>
        {Object.entries(t.sources).map(([source, text]) => (
          <option key={source} value={source}>
            {withCount(text, countOf(sources, source))}
          </option>
        ))}
      </SelectField>
      <SelectField label={t.identifiedBy} {...field("identified_by")}>
        <option value="">{t.anyUser}</option>
        {filter.identified_by && !users.some((user) => user.id === filter.identified_by) && (
          <option value={filter.identified_by}>{nameOf(filter.identified_by)}</option>
        )}
        {users.map((user) => (
          <option key={user.id} value={user.id}>
            {withCount(nameOf(user.id), user.images)}
          </option>
        ))}
      </SelectField>
      <TextField
        label={t.count}
        type="number"
        min={1}
        max={1_000_000}
        step={1}
        placeholder={t.anyCount}
        {...field("count_min")}
      />
      <TextField
        label={t.individual}
        maxLength={255}
        list={`${id}-individuals`}
        placeholder={t.anyIndividual}
        {...field("individual")}
      />
      <datalist id={`${id}-individuals`}>
        {individuals?.results.map((one) => (
          <option key={one.individual_id} value={one.individual_id}>
            {t.individualImages(one.names.join(", "), formatCount(one.images))}
          </option>
        ))}
      </datalist>
      <TextField
        label={t.modelClass}
        maxLength={255}
        list={`${id}-labels`}
        placeholder={imageTexts.anyClass}
        {...field("model_class")}
      />
      <datalist id={`${id}-labels`}>
        {classes?.results.map((one) => (
          <option key={one.class_name} value={one.class_name} />
        ))}
      </datalist>
    </div>
  )
}

/** The filters by observations that are set, each with a button that removes it. */
export function FilterChips({
  filter,
  onChange,
}: {
  filter: ImageFilter
  onChange: (key: keyof ImageFilter, value: string) => void
}) {
  const project = useProject()
  const { data: taxon } = useQuery({ ...taxonQuery(filter.taxon), enabled: Boolean(filter.taxon) })
  const { data: members } = useQuery({
    ...membersQuery(project.id),
    enabled: Boolean(filter.identified_by),
  })
  const member = members?.results.find((one) => one.user_id === filter.identified_by)
  const chips = (
    [
      ["taxon", t.taxon, taxon?.scientific_name ?? t.unknownTaxon],
      ["kind", t.kind, t.kinds[filter.kind] ?? filter.kind],
      ["needs_review", t.needsReview, t.reviews[filter.needs_review] ?? filter.needs_review],
      ["source", t.source, t.sources[filter.source] ?? filter.source],
      ["identified_by", t.identifiedBy, member?.name || member?.email || t.formerMember],
      ["count_min", t.count, filter.count_min],
      ["individual", t.individual, filter.individual],
      ["model_class", t.modelClass, filter.model_class],
      ["sequence", t.sequence, t.oneSequence],
    ] as const
  ).filter(([key]) => filter[key])
  if (chips.length === 0) return null
  return (
    <ul className="chips" aria-label={t.chips}>
      {chips.map(([key, label, value]) => (
        <li key={key} className="chip" data-chip={key}>
          <span className="faint">{label}</span> <span>{value}</span>
          <button
            type="button"
            aria-label={t.remove(label, value)}
            onClick={() => onChange(key, "")}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  )
}
