/** The options of the filters that are chosen from a list, with their number of images. */
import { useQuery } from "@tanstack/react-query"
import { useDeferredValue } from "react"
import { deploymentsQuery } from "../deployments/queries"
import { useClassColour } from "../findings/classColours"
import { imageTexts } from "../images/en"
import {
  classesQuery,
  type ImageFilter,
  imageCountQuery,
  imageTagsQuery,
  individualsQuery,
  listDeploymentIds,
  NO_FILTER,
  observationGroupsQuery,
} from "../images/queries"
import { useProject } from "../projects/projectContext"
import { membersQuery } from "../projects/queries"
import { taxonChoicesQuery } from "../taxa/queries"
import { formatCount } from "../ui/en"
import { observationFilterTexts as o, filterTexts as t } from "./en"
import type { FilterId } from "./filterFields"
import type { Option, OptionGroup } from "./OptionList"

const USER_PREFIX = "user:"
const MAX_OPTIONS = 100

interface Value {
  value: string
  text: string
  note?: string
}

const listValues = (texts: Record<string, string>): Value[] =>
  Object.entries(texts).map(([value, text]) => ({ value, text }))

const countNote = (images: number | undefined) =>
  images === undefined ? undefined : formatCount(images)

/** Add a deployment to a filter, or remove it. */
function toggleDeployment(filter: ImageFilter, id: string): Partial<ImageFilter> {
  const ids = listDeploymentIds(filter)
  const next = ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]
  return { deployment: next.join() }
}

/** Return the options that fit the typed text, in groups. */
export function useFilterOptions(
  id: FilterId,
  filter: ImageFilter,
  typed: string,
  onApply: (changes: Partial<ImageFilter>) => void,
): { groups: OptionGroup[]; isLoading: boolean } {
  const project = useProject().id
  const classColour = useClassColour()
  const isSpecies = id === "class" || id === "taxon"
  const asked = useDeferredValue(typed.trim())
  const of = (...ids: FilterId[]) => ({ enabled: ids.includes(id) })
  const deployments = useQuery({ ...deploymentsQuery(project), ...of("deployment") })
  const classes = useQuery({ ...classesQuery(project), ...of("class", "taxon", "model_class") })
  const taxa = useQuery({
    ...taxonChoicesQuery(project, asked),
    enabled: isSpecies && asked.length > 1,
  })
  const tags = useQuery({ ...imageTagsQuery(project), ...of("tag") })
  const kinds = useQuery({ ...observationGroupsQuery(project, "kind"), ...of("kind") })
  const sources = useQuery({ ...observationGroupsQuery(project, "source"), ...of("source") })
  const people = useQuery({
    ...observationGroupsQuery(project, "person"),
    ...of("identified_by"),
  })
  const members = useQuery({ ...membersQuery(project), ...of("identified_by") })
  const review = useQuery({
    ...imageCountQuery(project, { ...NO_FILTER, needs_review: "true" }),
    ...of("needs_review"),
  })
  const individuals = useQuery({ ...individualsQuery(project), ...of("individual") })
  const queries = [
    ...[deployments, classes, taxa, tags, kinds, sources],
    ...[people, members, review, individuals],
  ]
  const isLoading = queries.some((query) => query.isLoading)

  const countIn = (groups: typeof kinds, value: string) =>
    countNote(groups.data?.groups.find((group) => group.key === value)?.images)
  const nameOf = (user: string) => {
    const member = members.data?.results.find((one) => one.user_id === user)
    return member?.name || member?.email || o.formerMember
  }
  const classValues = (): Value[] =>
    (classes.data?.results ?? []).map((one) => ({
      value: one.class_name,
      text: one.class_name,
      note: countNote(one.images),
    }))

  const listAll = (): Value[] => {
    switch (id) {
      case "deployment":
        return (deployments.data?.results ?? []).map((one) => ({ value: one.id, text: one.name }))
      case "class":
      case "taxon":
      case "model_class":
        return classValues()
      case "kind":
        return listValues(o.kinds).map((one) => ({ ...one, note: countIn(kinds, one.value) }))
      case "source":
        return listValues(o.sources).map((one) => ({ ...one, note: countIn(sources, one.value) }))
      case "needs_review":
        return listValues(o.reviews).map((one) => ({
          ...one,
          note: one.value === "true" ? countNote(review.data?.count ?? undefined) : undefined,
        }))
      case "identified_by":
        return (people.data?.groups ?? [])
          .filter(({ key }) => key.startsWith(USER_PREFIX))
          .map(({ key, images }) => {
            const value = key.slice(USER_PREFIX.length)
            return { value, text: nameOf(value), note: countNote(images) }
          })
      case "individual":
        return (individuals.data?.results ?? []).map((one) => ({
          value: one.individual_id,
          text: one.individual_id,
          note: o.individualImages(one.names.join(", "), formatCount(one.images)),
        }))
      case "tag":
        return (tags.data?.results ?? []).map((one) => ({
          value: one.tag,
          text: one.tag,
          note: countNote(one.images),
        }))
      case "analysis_state":
        return listValues(imageTexts.states)
      case "blank":
        return listValues(t.blank)
      case "reviewed":
        return listValues(t.reviewed)
      case "disagreement":
        return listValues(t.disagreements)
      case "commented":
        return listValues(t.commented)
      case "starred":
        return listValues(t.starred)
      default:
        return []
    }
  }

  const wanted = typed.trim().toLowerCase()
  const key = isSpecies ? "class" : (id as keyof ImageFilter)
  // A species and a taxon with its lower taxa replace each other.
  const changes = (value: string): Partial<ImageFilter> =>
    id === "deployment"
      ? toggleDeployment(filter, value)
      : isSpecies
        ? { class: value, taxon: "" }
        : { [key]: value }
  const options: Option[] = listAll()
    .filter((one) => `${one.text} ${one.note ?? ""}`.toLowerCase().includes(wanted))
    .slice(0, MAX_OPTIONS)
    .map(({ value, text, note }) => ({
      key: value,
      text,
      note,
      mark: isSpecies ? (
        <span className="dot" style={{ background: classColour(text) }} />
      ) : undefined,
      isChosen:
        id === "deployment" ? listDeploymentIds(filter).includes(value) : filter[key] === value,
      onChoose: () => onApply(changes(value)),
    }))
  // A name that is not known yet can be typed: models and people add names at any time.
  const isKnown = options.some((one) => one.text.toLowerCase() === wanted)
  if ((id === "individual" || id === "model_class") && wanted && !isKnown)
    options.push({
      key: "typed",
      text: t.typedOption(typed.trim()),
      onChoose: () => onApply(changes(typed.trim())),
    })
  const groups: OptionGroup[] = [
    { key: "options", name: isSpecies && options.length > 0 ? t.observed : undefined, options },
  ]
  if (isSpecies && asked.length > 1)
    groups.push({
      key: "taxa",
      name: taxa.data?.results.length ? t.withLowerTaxa : undefined,
      options: (taxa.data?.results ?? []).map((taxon) => ({
        key: taxon.id,
        text: taxon.scientific_name,
        note: Object.values(taxon.common_names).flat().slice(0, 2).join(", "),
        isChosen: filter.taxon === taxon.id,
        onChoose: () => onApply({ taxon: taxon.id, class: "" }),
      })),
    })
  return { groups, isLoading }
}
