/** Common names of taxa in the languages of the user. */
import { useQueries } from "@tanstack/react-query"
import { useMemo } from "react"
import { locale } from "../ui/en"
import { taxonQuery } from "./queries"

type Names = Record<string, string[]>

/** The languages that the user reads: that of the page, then those of the browser. */
export const getUserLanguages = (): readonly string[] => [locale, ...navigator.languages]

/**
 * Return the common name in the first of the languages that has one; otherwise null.
 *
 * "pt-BR" also finds names in "pt", and "pt" those in "pt-br".
 */
export function chooseCommonName(names: Names, languages: readonly string[]): string | null {
  const known = Object.entries(names).filter(([, some]) => some.length > 0)
  for (const language of languages) {
    const wanted = language.toLowerCase()
    const [base = ""] = wanted.split("-")
    const found =
      known.find(([code]) => code === wanted) ??
      known.find(([code]) => code === base) ??
      known.find(([code]) => code.split("-")[0] === base)
    if (found?.[1][0]) return found[1][0]
  }
  return null
}

/** Names change seldom: they are fetched again with the next visit of the page. */
export const taxonNamesQuery = (taxon: string) => ({
  ...taxonQuery(taxon),
  staleTime: Infinity,
})

/** Return a function that looks up the common name of a taxon; null while it is not known. */
export function useCommonNames(
  taxa: readonly (string | null)[],
): (taxon: string | null) => string | null {
  const ids = [...new Set(taxa.filter((one) => one !== null))].sort()
  const found = useQueries({
    queries: ids.map(taxonNamesQuery),
    combine: (all) =>
      all.map(({ data }) =>
        data ? chooseCommonName(data.common_names, getUserLanguages()) : null,
      ),
  })
  const key = JSON.stringify([ids, found])
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` has both
  return useMemo(() => {
    const names = new Map(ids.map((id, at) => [id, found[at] ?? null]))
    return (taxon) => (taxon === null ? null : (names.get(taxon) ?? null))
  }, [key])
}
