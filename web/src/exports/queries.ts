/** What the page asks about exports. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { answer, api } from "../api/client"
import type { Export, ExportFormat, ExportState } from "../api/types"

const SOME = 30
const SOON_MS = 1000
const LATER_MS = 20_000

const LIVE: readonly string[] = ["queued", "gathering", "writing"] satisfies ExportState[]

/** Whether it is still being made. */
export const isLive = (one: Export) => LIVE.includes(one.state)

export const askExports = (project: number, state: ExportState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["export", project, "list", state ?? ""],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v2/exports", { params: { query: { project, state, limit: SOME, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => (query.state.data?.pages.some((page) => page.results.some(isLive)) ? SOON_MS : LATER_MS),
  })

export const askExport = (project: number, id: string) =>
  queryOptions({
    queryKey: ["export", project, "one", id],
    queryFn: () => answer(api.GET("/api/v2/exports/{export_id}", { params: { path: { export_id: id } } })),
    refetchInterval: (query) => (query.state.data && !isLive(query.state.data) ? LATER_MS : SOON_MS),
  })

/** The newest export of a format, whose options the next one may want again. */
export const askLastExport = (project: number, format: ExportFormat) =>
  queryOptions({
    queryKey: ["export", project, "last", format],
    queryFn: () => answer(api.GET("/api/v2/exports", { params: { query: { project, format, limit: 1 } } })),
  })
