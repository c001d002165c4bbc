import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import type { FileState } from "../api/types"

/** The gateways of the server, which do not change while it runs. */
export const gatewaysQuery = queryOptions({
  queryKey: ["gateways"],
  queryFn: () => unwrap(api.GET("/image-pull-sources/gateways")),
  staleTime: Number.POSITIVE_INFINITY,
})

export const sourcesQuery = (project: number) =>
  queryOptions({
    queryKey: ["source", project, "list"],
    queryFn: () =>
      unwrap(api.GET("/image-pull-sources", { params: { query: { project, limit: 1000 } } })),
  })

export const sourceQuery = (project: number, source: string) =>
  queryOptions({
    queryKey: ["source", project, "one", source],
    queryFn: () =>
      unwrap(
        api.GET("/image-pull-sources/{source_id}", { params: { path: { source_id: source } } }),
      ),
  })

export const sourceRunsQuery = (project: number, source: string) =>
  queryOptions({
    queryKey: ["source", project, "runs", source],
    queryFn: () =>
      unwrap(
        api.GET("/image-pull-sources/{source_id}/runs", {
          params: { path: { source_id: source } },
        }),
      ),
  })

export const sourceFilesQuery = (project: number, source: string, state: FileState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["source", project, "files", source, state ?? ""],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/image-pull-sources/{source_id}/files", {
          params: { path: { source_id: source }, query: { state, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })
