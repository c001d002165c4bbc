/** Queries for projects, their members and their audit log. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, MAX_ITEMS, unwrap } from "../api/client"
import { startOfDay } from "../ui/localTime"

export const projectsQuery = queryOptions({
  queryKey: ["project"],
  queryFn: () => unwrap(api.GET("/api/v2/projects", { params: { query: { limit: MAX_ITEMS } } })),
})

export const projectQuery = (project: number) =>
  queryOptions({
    queryKey: ["project", project],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}", { params: { path: { project_id: project } } }),
      ),
  })

export const deletedProjectsQuery = queryOptions({
  queryKey: ["deleted-project"],
  queryFn: () =>
    unwrap(api.GET("/api/v2/projects", { params: { query: { deleted: true, limit: MAX_ITEMS } } })),
})

export const membersQuery = (project: number) =>
  queryOptions({
    queryKey: ["member", project],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/members", {
          params: { path: { project_id: project }, query: { limit: 1000 } },
        }),
      ),
  })

/**
 * The filters of the audit log; empty text means no filter. `since` is a day in the browser's time
 * zone.
 */
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
          params: {
            query: {
              project,
              actor: actor || undefined,
              action: action || undefined,
              kind: kind || undefined,
              since: startOfDay(since),
              cursor: pageParam,
            },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })
