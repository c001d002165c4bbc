import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, MAX_ITEMS, unwrap } from "../api/client"
import type { JobState } from "../api/types"

export const jobsQuery = (project: number, status: JobState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["job", project, "list", status ?? ""],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v2/jobs", {
          params: { query: { project, status, limit: 50, cursor: pageParam } },
        }),
      ),
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
      unwrap(
        api.GET("/api/v2/jobs/{job_id}/dead_letters", {
          params: { path: { job_id: job }, query: { reason, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const taskQuery = (project: number, job: number, analysis: string) =>
  queryOptions({
    queryKey: ["job", project, "task", job, analysis],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/jobs/{job_id}/tasks/{analysis_id}", {
          params: { path: { job_id: job, analysis_id: analysis } },
        }),
      ),
  })

export const pipelinesQuery = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "pipelines"],
    queryFn: () =>
      unwrap(api.GET("/api/v2/pipelines", { params: { query: { project, limit: MAX_ITEMS } } })),
  })

export const presetsQuery = (project: number) =>
  queryOptions({
    queryKey: ["preset", project],
    queryFn: () =>
      unwrap(api.GET("/api/v2/presets", { params: { query: { project, limit: MAX_ITEMS } } })),
  })

/** A preset with its version, to edit it. Each `round` fetches it again. */
export const editedPresetQuery = (preset: number, round: number) =>
  queryOptions({
    queryKey: ["changed preset", preset, round],
    queryFn: async () => {
      let version = ""
      const call = api.GET("/api/v2/presets/{preset_id}", {
        params: { path: { preset_id: preset } },
      })
      const found = await unwrap(
        call.then((got) => {
          version = got.response.headers.get("ETag") ?? ""
          return got
        }),
      )
      return { preset: found, version }
    },
    staleTime: Infinity,
    gcTime: 0,
  })

export const servicesQuery = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "services"],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/processing_services", {
          params: { query: { project, limit: MAX_ITEMS } },
        }),
      ),
  })

export const workersQuery = (project: number) =>
  queryOptions({
    queryKey: ["worker", project, "workers"],
    queryFn: () =>
      unwrap(api.GET("/api/v2/workers", { params: { query: { project, limit: 1000 } } })),
  })
