import { infiniteQueryOptions, queryOptions, useQuery } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import type { Export, ExportFormat, ExportState } from "../api/types"
import { translateFormat } from "./en"

const PAGE_SIZE = 30
const FAST_POLL_MS = 1000
const SLOW_POLL_MS = 20_000

const RUNNING_STATES: readonly string[] = ["queued", "gathering", "writing"] satisfies ExportState[]

/** Whether an export is not finished yet. */
export const isRunning = (one: Export) => RUNNING_STATES.includes(one.state)

export const exportsQuery = (project: number, state: ExportState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["export", project, "list", state ?? ""],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v2/exports", {
          params: { query: { project, state, limit: PAGE_SIZE, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.results.some(isRunning))
        ? FAST_POLL_MS
        : SLOW_POLL_MS,
  })

export const exportQuery = (project: number, id: string) =>
  queryOptions({
    queryKey: ["export", project, "one", id],
    queryFn: () =>
      unwrap(api.GET("/api/v2/exports/{export_id}", { params: { path: { export_id: id } } })),
    refetchInterval: (query) =>
      query.state.data && !isRunning(query.state.data) ? SLOW_POLL_MS : FAST_POLL_MS,
  })

/** The export formats of the server, which do not change while it runs. */
export const exportFormatsQuery = queryOptions({
  queryKey: ["exportFormats"],
  queryFn: () => unwrap(api.GET("/api/v2/exports/formats")),
  staleTime: Number.POSITIVE_INFINITY,
})

/** Return the translated title of a format; undefined until the formats are known. */
export function useFormatTitle(format: ExportFormat | undefined): string | undefined {
  const { data: formats } = useQuery(exportFormatsQuery)
  const found = formats?.find((one) => one.name === format)
  return found && translateFormat(found.name, found.title)
}

/** The newest export of a format, whose options are the default of the next one. */
export const lastExportQuery = (project: number, format: ExportFormat) =>
  queryOptions({
    queryKey: ["export", project, "last", format],
    queryFn: () =>
      unwrap(api.GET("/api/v2/exports", { params: { query: { project, format, limit: 1 } } })),
  })
