/** Lists all taxa that an identification names, each with its details. */
import type { Identification } from "../api/types"

export type StatedTaxon = Partial<
  Pick<Identification, "count" | "sex" | "life_stage" | "behaviour" | "individual_id">
> & { label: string | null }

/**
 * Return the taxa of an identification, or one without a label for other identifications.
 *
 * A decision that the server does not have yet has no list of taxa.
 */
export function listStatedTaxa(one: Identification): StatedTaxon[] {
  if (one.kind !== "correct") return [{ ...one, label: null }]
  return one.taxa && one.taxa.length > 0 ? one.taxa : [one]
}
