/** The individuals that a reviewer can choose for a typed text. */
import type { Individual } from "../api/types"

export interface IndividualOption {
  name: string
  /** The taxa that it was identified as. */
  names: string[]
  /** Null for one that was named since the page was opened. */
  images: number | null
  isNew: boolean
}

/**
 * List the individuals whose names contain the text, and the text itself as a new individual.
 *
 * The same name is first, then names that begin with the text. Individuals of the same species
 * come before others, and those that were named last before earlier ones.
 */
export function listIndividualOptions(
  known: readonly Individual[],
  recent: readonly string[],
  species: string,
  text: string,
): IndividualOption[] {
  const typed = text.trim()
  const wanted = typed.toLowerCase()
  const stored = new Map(known.map((one) => [one.individual_id, one]))
  const names = [
    ...recent,
    ...known.map((one) => one.individual_id).filter((one) => !recent.includes(one)),
  ]
  const options = names
    .filter((name) => name.toLowerCase().includes(wanted))
    .map((name) => {
      const one = stored.get(name)
      return { name, names: one?.names ?? [], images: one?.images ?? null, isNew: false }
    })
  const rank = ({ name, names, images }: IndividualOption) => {
    const isOther = images !== null && names.length > 0 && !names.includes(species)
    const match = name.toLowerCase() === wanted ? 0 : name.toLowerCase().startsWith(wanted) ? 1 : 2
    return (wanted ? 2 * match : 0) + (isOther ? 1 : 0)
  }
  options.sort((a, b) => rank(a) - rank(b))
  if (typed && !stored.has(typed) && !recent.includes(typed))
    return [...options, { name: typed, names: [], images: null, isNew: true }]
  return options
}
