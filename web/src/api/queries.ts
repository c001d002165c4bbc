/** Every question the page asks, with the key under which its answer is kept. Keys begin with the kind of thing. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { answer, api, rememberCsrfToken } from "./client"
import type { Analysis, AnalysisState, Annotation, DeliveryState, FileState, JobState } from "./types"

const ALL = 1000

/** What the images grid is filtered by; empty text means no filter. Dates are days of the browser's zone. */
export interface ImageFilter {
  deployment: string
  class: string
  analysis_state: string
  from: string
  to: string
  confidence: string
  order: string
}

export const askCaller = queryOptions({
  queryKey: ["caller"],
  queryFn: async () => {
    const caller = await answer(api.GET("/api/v2/auth/me"))
    rememberCsrfToken(caller.csrf_token)
    return caller
  },
  retry: false,
  staleTime: Infinity,
})

export const askLink = (link: string) =>
  queryOptions({
    queryKey: ["link", link],
    queryFn: () => answer(api.GET("/api/v2/auth/link", { params: { query: { link } } })),
    retry: false,
    staleTime: Infinity,
  })

export const askProjects = queryOptions({
  queryKey: ["project"],
  queryFn: () => answer(api.GET("/api/v2/projects", { params: { query: { limit: ALL } } })),
})

export const askProject = (project: number) =>
  queryOptions({
    queryKey: ["project", project],
    queryFn: () => answer(api.GET("/api/v2/projects/{project_id}", { params: { path: { project_id: project } } })),
  })

export const askDeployments = (project: number) =>
  queryOptions({
    queryKey: ["deployment", project],
    queryFn: () => answer(api.GET("/api/v2/deployments", { params: { query: { project, limit: ALL } } })),
  })

export function startOfDay(day: string, plusDays = 0): string | undefined {
  const [year, month, date] = day.split("-").map(Number)
  if (!year || !month || !date) return undefined
  return new Date(year, month - 1, date + plusDays).toISOString()
}

function imageQuery(project: number, filter: ImageFilter) {
  return {
    project,
    deployment: filter.deployment || undefined,
    class: filter.class || undefined,
    analysis_state: (filter.analysis_state || undefined) as AnalysisState | undefined,
    captured_after: startOfDay(filter.from),
    captured_before: startOfDay(filter.to, 1),
    confidence_min: filter.confidence ? Number(filter.confidence) / 100 : undefined,
    order: filter.order === "captured_at" ? "captured_at" : "-captured_at",
  } as const
}

export const noFilter: ImageFilter = {
  deployment: "", class: "", analysis_state: "", from: "", to: "", confidence: "", order: "",
}

export const askImages = (project: number, filter: ImageFilter, limit = 100) =>
  infiniteQueryOptions({
    queryKey: ["image", project, "list", filter, limit],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v2/images", {
          params: { query: { ...imageQuery(project, filter), limit, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

/** How many images a filter takes. */
export const askImageCount = (project: number, filter: ImageFilter) =>
  queryOptions({
    queryKey: ["image", project, "count", filter],
    queryFn: async ({ signal }) => {
      const page = await answer(api.GET("/api/v2/images", { params: { query: { ...imageQuery(project, filter), limit: 1 } }, signal }))
      return { count: page.count, isEstimate: page.count_is_estimate ?? false }
    },
  })

/** The ids of the images that a filter takes; stops behind `most` of them, with at most one page more. */
export async function collectImages(project: number, filter: ImageFilter, most: number, onRead: (count: number) => void): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page: { results: { id: string }[]; next?: string | null } = await answer(
      api.GET("/api/v2/images", { params: { query: { ...imageQuery(project, filter), limit: ALL, cursor } } }),
    )
    ids.push(...page.results.map((image) => image.id))
    onRead(ids.length)
    cursor = page.next ?? undefined
  } while (cursor && ids.length <= most)
  return ids
}

export const askRecentImages = (project: number, limit: number) =>
  queryOptions({
    queryKey: ["image", project, "recent", limit],
    queryFn: () => answer(api.GET("/api/v2/images", { params: { query: { project, limit } } })),
  })

export const askClasses = (project: number) =>
  queryOptions({
    queryKey: ["image", project, "classes"],
    queryFn: () => answer(api.GET("/api/v2/images/classes", { params: { query: { project } } })),
  })

export const askImage = (project: number, image: string) =>
  queryOptions({
    queryKey: ["image", project, "one", image],
    queryFn: () => answer(api.GET("/api/v2/images/{image_id}", { params: { path: { image_id: image } } })),
    staleTime: 30_000,
  })

/** What comes after the first page of an analysis's annotations. */
export const askRestOfAnnotations = (project: number, analysis: Analysis) =>
  queryOptions({
    queryKey: ["image", project, "annotations", analysis.id, analysis.annotation_count],
    queryFn: async ({ signal }) => {
      const rest: Annotation[] = []
      for (let cursor = analysis.next; cursor; ) {
        const page: { results: Annotation[]; next?: string | null } = await answer(
          api.GET("/api/v2/analyses/{analysis_id}/annotations", { params: { path: { analysis_id: analysis.id }, query: { cursor, limit: ALL } }, signal }),
        )
        rest.push(...page.results)
        cursor = page.next
      }
      return rest
    },
    staleTime: 30_000,
  })

export const askJobs = (project: number, status: JobState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["job", project, "list", status ?? ""],
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v2/jobs", { params: { query: { project, status, limit: 50, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const askJob = (project: number, job: number) =>
  queryOptions({
    queryKey: ["job", project, "one", job],
    queryFn: () => answer(api.GET("/api/v2/jobs/{job_id}", { params: { path: { job_id: job } } })),
  })

export const askLetters = (project: number, job: number, reason: string) =>
  infiniteQueryOptions({
    queryKey: ["job", project, "letters", job, reason],
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v2/jobs/{job_id}/dead_letters", { params: { path: { job_id: job }, query: { reason, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const askTask = (project: number, job: number, analysis: string) =>
  queryOptions({
    queryKey: ["job", project, "task", job, analysis],
    queryFn: () => answer(api.GET("/api/v2/jobs/{job_id}/tasks/{analysis_id}", { params: { path: { job_id: job, analysis_id: analysis } } })),
  })

export const askPipelines = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "pipelines"],
    queryFn: () => answer(api.GET("/api/v2/pipelines", { params: { query: { project, limit: ALL } } })),
  })

export const askPresets = (project: number) =>
  queryOptions({
    queryKey: ["preset", project],
    queryFn: () => answer(api.GET("/api/v2/presets", { params: { query: { project, limit: ALL } } })),
  })

/** One preset with the version that it is, to be changed; asked for anew each `round`. */
export const askPresetToChange = (preset: number, round: number) =>
  queryOptions({
    queryKey: ["changed preset", preset, round],
    queryFn: async () => {
      let version = ""
      const call = api.GET("/api/v2/presets/{preset_id}", { params: { path: { preset_id: preset } } })
      const found = await answer(call.then((got) => {
        version = got.response.headers.get("ETag") ?? ""
        return got
      }))
      return { preset: found, version }
    },
    staleTime: Infinity,
    gcTime: 0,
  })

export const askServices = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "services"],
    queryFn: () => answer(api.GET("/api/v2/processing_services", { params: { query: { project, limit: ALL } } })),
  })

export const askWorkers = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "workers"],
    queryFn: () => answer(api.GET("/api/v2/workers", { params: { query: { project } } })),
  })

export const askSources = (project: number) =>
  queryOptions({
    queryKey: ["source", project, "list"],
    queryFn: () => answer(api.GET("/image-pull-sources", { params: { query: { project, limit: 1000 } } })),
  })

export const askSource = (project: number, source: string) =>
  queryOptions({
    queryKey: ["source", project, "one", source],
    queryFn: () =>
      answer(api.GET("/image-pull-sources/{source_id}", { params: { path: { source_id: source } } })),
  })

export const askRuns = (project: number, source: string) =>
  queryOptions({
    queryKey: ["source", project, "runs", source],
    queryFn: () =>
      answer(api.GET("/image-pull-sources/{source_id}/runs", { params: { path: { source_id: source } } })),
  })

export const askFiles = (project: number, source: string, state: FileState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["source", project, "files", source, state ?? ""],
    queryFn: ({ pageParam }) =>
      answer(
        api.GET("/image-pull-sources/{source_id}/files", {
          params: { path: { source_id: source }, query: { state, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const askCallbackKeys = (project: number) =>
  queryOptions({
    queryKey: ["callback_key", project],
    queryFn: () => answer(api.GET("/api/v2/callback_keys", { params: { query: { project } } })),
  })

export const askWebhooks = (project: number) =>
  queryOptions({
    queryKey: ["webhook", project, "list"],
    queryFn: () => answer(api.GET("/api/v2/webhooks", { params: { query: { project, limit: 1000 } } })),
  })

export const askWebhook = (project: number, webhook: string) =>
  queryOptions({
    queryKey: ["webhook", project, "one", webhook],
    queryFn: () => answer(api.GET("/api/v2/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook } } })),
  })

export const askDeliveries = (project: number, webhook: string, state: DeliveryState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["webhook", project, "log", webhook, state ?? ""],
    queryFn: ({ pageParam }) =>
      answer(
        api.GET("/api/v2/webhooks/{webhook_id}/deliveries", {
          params: { path: { webhook_id: webhook }, query: { state, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const askNotices = (project: number) =>
  queryOptions({
    queryKey: ["notice", project],
    queryFn: () => answer(api.GET("/api/v2/notices", { params: { query: { project, limit: ALL } } })),
  })

/** What the audit is filtered by; empty text means no filter. `since` is a day of the browser's zone. */
export interface AuditFilter {
  actor: string
  action: string
  kind: string
  since: string
}

export const askAudit = (project: number, { actor, action, kind, since }: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", project, actor, action, kind, since],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v2/audit", {
          params: { query: { project, actor: actor || undefined, action: action || undefined, kind: kind || undefined, since: startOfDay(since), cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const askTokens = queryOptions({
  queryKey: ["token"],
  queryFn: () => answer(api.GET("/api/v2/auth/tokens")),
})
