/**
 * Queries of the public pages. They send no credentials, so that owners see the same as visitors.
 */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import createClient from "openapi-fetch"
import { unwrap } from "../api/client"
import type { paths } from "../api/schema"

const api = createClient<paths>({ baseUrl: "", credentials: "omit" })

/** The filters of the public grid; empty text means no filter. */
export interface PublicFilter {
  deployment: string
  class: string
  order: string
}

export const publicProjectQuery = (project: number) =>
  queryOptions({
    queryKey: ["public", project],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/public/projects/{project_id}", {
          params: { path: { project_id: project } },
        }),
      ),
    staleTime: 30_000,
  })

export const publicDeploymentsQuery = (project: number) =>
  queryOptions({
    queryKey: ["public", project, "deployments"],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/public/projects/{project_id}/deployments", {
          params: { path: { project_id: project }, query: { limit: 1000 } },
        }),
      ),
    staleTime: 30_000,
  })

export const publicImagesQuery = (project: number, filter: PublicFilter, limit: number) =>
  infiniteQueryOptions({
    queryKey: ["public", project, "images", filter, limit],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v2/public/projects/{project_id}/images", {
          params: {
            path: { project_id: project },
            query: {
              deployment: filter.deployment || undefined,
              class: filter.class || undefined,
              order: filter.order === "captured_at" ? "captured_at" : "-captured_at",
              limit,
              cursor: pageParam,
            },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const publicImageQuery = (project: number, image: string) =>
  queryOptions({
    queryKey: ["public", project, "image", image],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/public/projects/{project_id}/images/{image_id}", {
          params: { path: { project_id: project, image_id: image } },
        }),
      ),
    staleTime: 30_000,
  })
