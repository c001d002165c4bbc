import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"

const MAX_ITEMS = 1000
const PAGE_SIZE = 50
const MAX_CHOICES = 20

export const taxaQuery = (project: number, search: string) =>
  infiniteQueryOptions({
    queryKey: ["taxon", project, "list", search],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v2/taxa", {
          params: {
            query: { project, search: search || undefined, limit: PAGE_SIZE, cursor: pageParam },
          },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  })

/** The taxa whose names match the typed text. */
export const taxonChoicesQuery = (project: number, search: string) =>
  queryOptions({
    queryKey: ["taxon", project, "choices", search],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/taxa", { params: { query: { project, search, limit: MAX_CHOICES } } }),
      ),
    enabled: search.trim().length > 1,
    placeholderData: keepPreviousData,
  })

export const taxonQuery = (taxon: string) =>
  queryOptions({
    queryKey: ["one taxon", taxon],
    queryFn: () =>
      unwrap(api.GET("/api/v2/taxa/{taxon_id}", { params: { path: { taxon_id: taxon } } })),
    staleTime: 60_000,
  })

export const taxonLabelsQuery = (project: number) =>
  queryOptions({
    queryKey: ["taxon", project, "labels"],
    queryFn: () =>
      unwrap(api.GET("/api/v2/taxa/labels", { params: { query: { project, limit: MAX_ITEMS } } })),
  })

export const unmappedLabelsQuery = (project: number) =>
  queryOptions({
    queryKey: ["taxon", project, "unmapped"],
    queryFn: () => unwrap(api.GET("/api/v2/taxa/suggestions", { params: { query: { project } } })),
  })

/** A taxon with its version, to edit it. Each `round` fetches it again. */
export const editedTaxonQuery = (taxon: string, round: number) =>
  queryOptions({
    queryKey: ["changed taxon", taxon, round],
    queryFn: async () => {
      let version = ""
      const call = api.GET("/api/v2/taxa/{taxon_id}", { params: { path: { taxon_id: taxon } } })
      const found = await unwrap(
        call.then((got) => {
          version = got.response.headers.get("ETag") ?? ""
          return got
        }),
      )
      return { taxon: found, version }
    },
    staleTime: Infinity,
    gcTime: 0,
  })

/** The sensitive taxa of a project with their rules; all members can read them. */
export const sensitiveTaxaQuery = (project: number) =>
  queryOptions({
    queryKey: ["sensitive-taxon", project],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/sensitive-taxa", {
          params: { path: { project_id: project } },
        }),
      ),
    staleTime: 60_000,
  })
