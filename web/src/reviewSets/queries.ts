/** Queries for review sets: the list, one set, its progress, its disagreements, its control items. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"

export const reviewSetsQuery = (project: number, closed: boolean) =>
  infiniteQueryOptions({
    queryKey: ["review-set", project, "list", closed],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/review-sets", {
          params: { path: { project_id: project }, query: { closed, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const reviewSetQuery = (project: number, set: string) =>
  queryOptions({
    queryKey: ["review-set", project, "one", set],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/review-sets/{set_id}", {
          params: { path: { project_id: project, set_id: set } },
          signal,
        }),
      ),
  })

const PENDING_INTERVAL_MS = 1000

export const setProgressQuery = (project: number, set: string) =>
  queryOptions({
    queryKey: ["review-set", project, "progress", set],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/review-sets/{set_id}/progress", {
          params: { path: { project_id: project, set_id: set } },
          signal,
        }),
      ),
    // The server compares the answers in steps.
    refetchInterval: (query) => (query.state.data?.agreement.pending ? PENDING_INTERVAL_MS : false),
  })

export const disagreementsQuery = (project: number, set: string) =>
  queryOptions({
    queryKey: ["review-set", project, "disagreements", set],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/review-sets/{set_id}/disagreements", {
          params: { path: { project_id: project, set_id: set } },
          signal,
        }),
      ),
  })

export const controlsQuery = (project: number, set: string) =>
  queryOptions({
    queryKey: ["review-set", project, "controls", set],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/review-sets/{set_id}/controls", {
          params: { path: { project_id: project, set_id: set } },
          signal,
        }),
      ),
  })
