/** What the page asks about imports. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { answer, api } from "../api/client"
import type { Import } from "../api/types"

const SOME = 30
const SOON_MS = 1000
const LATER_MS = 20_000

const LIVE: readonly string[] = ["queued", "reading"] satisfies Import["state"][]

/** Whether it is still being read. */
export const isReading = (one: Import) => LIVE.includes(one.state)

export const askImports = (project: number) =>
  infiniteQueryOptions({
    queryKey: ["import", project, "list"],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v2/imports", { params: { query: { project, limit: SOME, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => (query.state.data?.pages.some((page) => page.results.some(isReading)) ? SOON_MS : LATER_MS),
  })

export const askImport = (project: number, id: string) =>
  queryOptions({
    queryKey: ["import", project, "one", id],
    queryFn: () => answer(api.GET("/api/v2/imports/{import_id}", { params: { path: { import_id: id } } })),
    refetchInterval: (query) => (query.state.data && !isReading(query.state.data) ? LATER_MS : SOON_MS),
  })

/** What could not be taken of a file; asked for anew as more of it is read. */
export const askFaults = (project: number, id: string, faults: number) =>
  infiniteQueryOptions({
    queryKey: ["import", project, "faults", id, faults],
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v2/imports/{import_id}/faults", { params: { path: { import_id: id }, query: { limit: SOME, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (old) => old,
  })

/** The folders of a file whose entries match no image; asked for again when the import has changed. */
export const askFolders = (project: number, id: string, updatedAt: string) =>
  queryOptions({
    queryKey: ["import", project, "folders", id, updatedAt],
    queryFn: () => answer(api.GET("/api/v2/imports/{import_id}/folders", { params: { path: { import_id: id } } })),
  })
