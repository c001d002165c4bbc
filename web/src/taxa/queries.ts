/** What the page asks about taxa. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query"
import { answer, api } from "../api/client"

const ALL = 1000
const SOME = 50
const CHOICES = 20

export const askTaxa = (project: number, search: string) =>
  infiniteQueryOptions({
    queryKey: ["taxon", project, "list", search],
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v2/taxa", { params: { query: { project, search: search || undefined, limit: SOME, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  })

/** The taxa that can be meant by what is typed. */
export const askTaxonChoices = (project: number, search: string) =>
  queryOptions({
    queryKey: ["taxon", project, "choices", search],
    queryFn: () => answer(api.GET("/api/v2/taxa", { params: { query: { project, search, limit: CHOICES } } })),
    enabled: search.trim().length > 1,
    placeholderData: keepPreviousData,
  })

export const askLabels = (project: number) =>
  queryOptions({
    queryKey: ["taxon", project, "labels"],
    queryFn: () => answer(api.GET("/api/v2/taxa/labels", { params: { query: { project, limit: ALL } } })),
  })

export const askUnmapped = (project: number) =>
  queryOptions({
    queryKey: ["taxon", project, "unmapped"],
    queryFn: () => answer(api.GET("/api/v2/taxa/suggestions", { params: { query: { project } } })),
  })

/** One taxon with the version that it is, to be changed; asked for anew each `round`. */
export const askTaxonToChange = (taxon: string, round: number) =>
  queryOptions({
    queryKey: ["changed taxon", taxon, round],
    queryFn: async () => {
      let version = ""
      const call = api.GET("/api/v2/taxa/{taxon_id}", { params: { path: { taxon_id: taxon } } })
      const found = await answer(call.then((got) => {
        version = got.response.headers.get("ETag") ?? ""
        return got
      }))
      return { taxon: found, version }
    },
    staleTime: Infinity,
    gcTime: 0,
  })
