/** Roles and levels of the rule of a sensitive taxon. */
import { ApiProblem } from "../api/problems"
import type { LocationPrecision, SensitiveTaxon, SensitiveTaxonRule, Taxon } from "../api/types"

/** The roles with a level, in ascending order of permissions. */
export const RULE_ROLES = ["visitor", "viewer", "reviewer", "manager"] as const
/** The levels from the least to the most restricted. */
export const LEVELS: readonly LocationPrecision[] = ["exact", "0.01", "0.1", "withheld"]
/** The levels of a new rule, as the API sets them. */
export const DEFAULT_RULE: SensitiveTaxonRule = {
  visitor: "withheld",
  viewer: "0.1",
  reviewer: "0.1",
  manager: "exact",
}

type RoleErrors = Partial<Record<keyof SensitiveTaxonRule, string>>

/** Copy the levels of a rule without its other fields. */
export function getLevels(rule: SensitiveTaxonRule): SensitiveTaxonRule {
  const { visitor, viewer, reviewer, manager } = rule
  return { visitor, viewer, reviewer, manager }
}

type TaxonNames = Pick<
  Taxon,
  "id" | "scientific_name" | "accepted_id" | "accepted_name" | "higher_ranks"
>

/** Find the sensitive taxon that covers a taxon: itself, or otherwise a higher taxon. */
export function findSensitiveTaxon<
  Listed extends Pick<SensitiveTaxon, "taxon_id" | "scientific_name">,
>(taxon: TaxonNames, listed: readonly Listed[]): Listed | undefined {
  const accepted = taxon.accepted_id ?? taxon.id
  const own = listed.find(({ taxon_id: id }) => id === taxon.id || id === accepted)
  if (own) return own
  const names = [taxon.scientific_name, taxon.accepted_name ?? ""]
  // Of a subspecies, the first words are its genus and its species.
  const shorter = names.flatMap((name) => {
    const words = name.split(" ")
    return [words.slice(0, 1).join(" "), words.slice(0, 2).join(" ")]
  })
  const covering = [...Object.values(taxon.higher_ranks), ...shorter]
    .filter(Boolean)
    .map((name) => name.toLowerCase())
  return listed.find(({ scientific_name: name }) => covering.includes(name.toLowerCase()))
}

/** Assign the errors of a rejected rule to the fields of the roles; empty if one has no field. */
export function getRoleErrors(error: unknown): RoleErrors {
  if (!(error instanceof ApiProblem) || error.status !== 422) return {}
  const found = error.problem?.errors ?? []
  const fields = found.map((one) => [RULE_ROLES.find((role) => role === one.where), one.message])
  if (fields.some(([role]) => role === undefined)) return {}
  return Object.fromEntries(fields) as RoleErrors
}
