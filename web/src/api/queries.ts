/** Every question the page asks but those about images (imageQueries.ts), with the key under which its answer is kept. Keys begin with the kind of thing. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { unwrap, api, setSession } from "./client"
import { isSessionOver } from "./problems"
import type { DeliveryState, FileState, JobState, User } from "./types"

const MAX_ITEMS = 1000

export const callerQuery = queryOptions({
  queryKey: ["caller"],
  queryFn: async () => {
    const caller = await unwrap(api.GET("/api/v2/auth/me")).catch((error: unknown) => {
      if (isSessionOver(error)) setSession(null)
      throw error
    })
    setSession(caller)
    return caller
  },
  retry: false,
  staleTime: Infinity,
})

export const signInMethodsQuery = queryOptions({
  queryKey: ["ways"],
  queryFn: () => unwrap(api.GET("/api/v2/auth/ways")),
  staleTime: Infinity,
})

export const oneTimeLinkQuery = (link: string) =>
  queryOptions({
    queryKey: ["link", link],
    queryFn: () => unwrap(api.POST("/api/v2/auth/link/state", { body: { link } })),
    retry: false,
    staleTime: Infinity,
  })

export const projectsQuery = queryOptions({
  queryKey: ["project"],
  queryFn: () => unwrap(api.GET("/api/v2/projects", { params: { query: { limit: MAX_ITEMS } } })),
})

export const projectQuery = (project: number) =>
  queryOptions({
    queryKey: ["project", project],
    queryFn: () => unwrap(api.GET("/api/v2/projects/{project_id}", { params: { path: { project_id: project } } })),
  })

export const deletedProjectsQuery = queryOptions({
  queryKey: ["deleted-project"],
  queryFn: () => unwrap(api.GET("/api/v2/projects", { params: { query: { deleted: true, limit: MAX_ITEMS } } })),
})

export const membersQuery = (project: number) =>
  queryOptions({
    queryKey: ["member", project],
    queryFn: () => unwrap(api.GET("/api/v2/projects/{project_id}/members", { params: { path: { project_id: project }, query: { limit: 1000 } } })),
  })

/** Everybody who has an account, however many: for operators. */
export const usersQuery = queryOptions({
  queryKey: ["user"],
  queryFn: async () => {
    const results: User[] = []
    let cursor: string | undefined
    do {
      const page: { results: User[]; next?: string | null } = await unwrap(api.GET("/api/v2/users", { params: { query: { limit: MAX_ITEMS, cursor } } }))
      results.push(...page.results)
      cursor = page.next ?? undefined
    } while (cursor)
    return { results, count: results.length }
  },
})

export const sessionsQuery = queryOptions({
  queryKey: ["session"],
  queryFn: () => unwrap(api.GET("/api/v2/auth/sessions", { params: { query: { limit: 1000 } } })),
})

export const deploymentsQuery = (project: number) =>
  queryOptions({
    queryKey: ["deployment", project],
    queryFn: () => unwrap(api.GET("/api/v2/deployments", { params: { query: { project, limit: MAX_ITEMS } } })),
    refetchInterval: (query) => (query.state.data?.results.some((one) => one.dating) ? 2000 : false),
  })

export function startOfDay(day: string, plusDays = 0): string | undefined {
  const [year, month, date] = day.split("-").map(Number)
  if (!year || !month || !date) return undefined
  return new Date(year, month - 1, date + plusDays).toISOString()
}

/** What another clock offset would do to a deployment's images. */
export const clockPreviewQuery = (project: number, deployment: string, body: { clock_offset_s?: number; time_zone?: string }) =>
  queryOptions({
    queryKey: ["deployment", project, "clock", deployment, body],
    queryFn: () => unwrap(api.POST("/api/v2/deployments/{deployment_id}/clock/preview", { params: { path: { deployment_id: deployment } }, body })),
  })

export const jobsQuery = (project: number, status: JobState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["job", project, "list", status ?? ""],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v2/jobs", { params: { query: { project, status, limit: 50, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const jobQuery = (project: number, job: number) =>
  queryOptions({
    queryKey: ["job", project, "one", job],
    queryFn: () => unwrap(api.GET("/api/v2/jobs/{job_id}", { params: { path: { job_id: job } } })),
  })

export const deadLettersQuery = (project: number, job: number, reason: string) =>
  infiniteQueryOptions({
    queryKey: ["job", project, "letters", job, reason],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v2/jobs/{job_id}/dead_letters", { params: { path: { job_id: job }, query: { reason, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const taskQuery = (project: number, job: number, analysis: string) =>
  queryOptions({
    queryKey: ["job", project, "task", job, analysis],
    queryFn: () => unwrap(api.GET("/api/v2/jobs/{job_id}/tasks/{analysis_id}", { params: { path: { job_id: job, analysis_id: analysis } } })),
  })

export const pipelinesQuery = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "pipelines"],
    queryFn: () => unwrap(api.GET("/api/v2/pipelines", { params: { query: { project, limit: MAX_ITEMS } } })),
  })

export const presetsQuery = (project: number) =>
  queryOptions({
    queryKey: ["preset", project],
    queryFn: () => unwrap(api.GET("/api/v2/presets", { params: { query: { project, limit: MAX_ITEMS } } })),
  })

/** One preset with the version that it is, to be changed; asked for anew each `round`. */
export const editedPresetQuery = (preset: number, round: number) =>
  queryOptions({
    queryKey: ["changed preset", preset, round],
    queryFn: async () => {
      let version = ""
      const call = api.GET("/api/v2/presets/{preset_id}", { params: { path: { preset_id: preset } } })
      const found = await unwrap(call.then((got) => {
        version = got.response.headers.get("ETag") ?? ""
        return got
      }))
      return { preset: found, version }
    },
    staleTime: Infinity,
    gcTime: 0,
  })

export const servicesQuery = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "services"],
    queryFn: () => unwrap(api.GET("/api/v2/processing_services", { params: { query: { project, limit: MAX_ITEMS } } })),
  })

export const workersQuery = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "workers"],
    queryFn: () => unwrap(api.GET("/api/v2/workers", { params: { query: { project, limit: 1000 } } })),
  })

export const sourcesQuery = (project: number) =>
  queryOptions({
    queryKey: ["source", project, "list"],
    queryFn: () => unwrap(api.GET("/image-pull-sources", { params: { query: { project, limit: 1000 } } })),
  })

export const sourceQuery = (project: number, source: string) =>
  queryOptions({
    queryKey: ["source", project, "one", source],
    queryFn: () =>
      unwrap(api.GET("/image-pull-sources/{source_id}", { params: { path: { source_id: source } } })),
  })

export const sourceRunsQuery = (project: number, source: string) =>
  queryOptions({
    queryKey: ["source", project, "runs", source],
    queryFn: () =>
      unwrap(api.GET("/image-pull-sources/{source_id}/runs", { params: { path: { source_id: source } } })),
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

export const callbackKeysQuery = (project: number) =>
  queryOptions({
    queryKey: ["callback_key", project],
    queryFn: () => unwrap(api.GET("/api/v2/callback_keys", { params: { query: { project, limit: 1000 } } })),
  })

export const webhooksQuery = (project: number) =>
  queryOptions({
    queryKey: ["webhook", project, "list"],
    queryFn: () => unwrap(api.GET("/api/v2/webhooks", { params: { query: { project, limit: 1000 } } })),
  })

export const webhookQuery = (project: number, webhook: string) =>
  queryOptions({
    queryKey: ["webhook", project, "one", webhook],
    queryFn: () => unwrap(api.GET("/api/v2/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook } } })),
  })

export const deliveriesQuery = (project: number, webhook: string, state: DeliveryState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["webhook", project, "log", webhook, state ?? ""],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v2/webhooks/{webhook_id}/deliveries", {
          params: { path: { webhook_id: webhook }, query: { state, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const noticesQuery = (project: number) =>
  queryOptions({
    queryKey: ["notice", project],
    queryFn: () => unwrap(api.GET("/api/v2/notices", { params: { query: { project, limit: MAX_ITEMS } } })),
  })

/** What the audit is filtered by; empty text means no filter. `since` is a day of the browser's zone. */
export interface AuditFilter {
  actor: string
  action: string
  kind: string
  since: string
}

export const auditQuery = (project: number, { actor, action, kind, since }: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", project, actor, action, kind, since],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v2/audit", {
          params: { query: { project, actor: actor || undefined, action: action || undefined, kind: kind || undefined, since: startOfDay(since), cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const apiTokensQuery = queryOptions({
  queryKey: ["token"],
  queryFn: () => unwrap(api.GET("/api/v2/auth/tokens", { params: { query: { limit: 1000 } } })),
})
