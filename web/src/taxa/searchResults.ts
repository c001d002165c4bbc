/** The results of a taxon search that belong to the text as it is typed now. */
import { useQuery } from "@tanstack/react-query"
import { useDeferredValue } from "react"
import type { Taxon } from "../api/types"
import { taxonChoicesQuery } from "./queries"

interface TaxonChoices {
  /** Empty until the search for exactly this text ended. */
  found: Taxon[]
  /** Whether the search for this text ended, with or without results. */
  isSettled: boolean
}

/**
 * Search the taxa of a project. While a search runs, the results of an earlier text are not
 * returned: the user would choose a taxon that does not match.
 */
export function useTaxonChoices(project: number, text: string): TaxonChoices {
  const typed = text.trim()
  const asked = useDeferredValue(typed)
  const query = useQuery(taxonChoicesQuery(project, asked))
  const isSearched = typed.length > 1
  const isOfText = asked === typed && !query.isPlaceholderData
  const isRunning = query.isPending && query.fetchStatus === "fetching"
  return {
    found: isSearched && isOfText ? (query.data?.results ?? []) : [],
    isSettled: !isSearched || (isOfText && !isRunning),
  }
}
