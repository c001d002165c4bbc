import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import type { Import } from "../api/types"

const PAGE_SIZE = 30
const FAST_POLL_MS = 1000
const SLOW_POLL_MS = 20_000

const RUNNING_STATES: readonly string[] = ["queued", "reading"] satisfies Import["state"][]

/** Whether an import is not finished yet. */
export const isRunning = (one: Import) => RUNNING_STATES.includes(one.state)

export const importsQuery = (project: number) =>
  infiniteQueryOptions({
    queryKey: ["import", project, "list"],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v2/imports", {
          params: { query: { project, limit: PAGE_SIZE, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.results.some(isRunning))
        ? FAST_POLL_MS
        : SLOW_POLL_MS,
  })

export const importQuery = (project: number, id: string) =>
  queryOptions({
    queryKey: ["import", project, "one", id],
    queryFn: () =>
      unwrap(api.GET("/api/v2/imports/{import_id}", { params: { path: { import_id: id } } })),
    refetchInterval: (query) =>
      query.state.data && !isRunning(query.state.data) ? SLOW_POLL_MS : FAST_POLL_MS,
  })

/** Problems of an import; the count is part of the key, so that new problems are fetched. */
export const importProblemsQuery = (project: number, id: string, faults: number) =>
  infiniteQueryOptions({
    queryKey: ["import", project, "faults", id, faults],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v2/imports/{import_id}/faults", {
          params: { path: { import_id: id }, query: { limit: PAGE_SIZE, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (old) => old,
  })

/** The folders whose entries match no image; fetched again when the import has changed. */
export const importFoldersQuery = (project: number, id: string, updatedAt: string) =>
  queryOptions({
    queryKey: ["import", project, "folders", id, updatedAt],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/imports/{import_id}/folders", { params: { path: { import_id: id } } }),
      ),
  })
