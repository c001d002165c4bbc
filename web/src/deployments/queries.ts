import { queryOptions } from "@tanstack/react-query"
import { api, MAX_ITEMS, unwrap } from "../api/client"

export const deploymentsQuery = (project: number) =>
  queryOptions({
    queryKey: ["deployment", project],
    queryFn: () =>
      unwrap(api.GET("/api/v2/deployments", { params: { query: { project, limit: MAX_ITEMS } } })),
    refetchInterval: (query) =>
      query.state.data?.results.some((one) => one.capture_times_pending) ? 2000 : false,
  })

/** Preview of a new clock offset or time zone for a deployment's images. */
export const clockPreviewQuery = (
  project: number,
  deployment: string,
  body: { clock_offset_s?: number; time_zone?: string },
) =>
  queryOptions({
    queryKey: ["deployment", project, "clock", deployment, body],
    queryFn: () =>
      unwrap(
        api.POST("/api/v2/deployments/{deployment_id}/clock/preview", {
          params: { path: { deployment_id: deployment } },
          body,
        }),
      ),
  })
