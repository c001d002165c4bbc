import { queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import type { ObservationSettings } from "../api/types"

const POLL_INTERVAL_MS = 1000

/** Settings with their version, for If-Match. */
export type VersionedSettings = ObservationSettings & { version: string }

export async function unwrapVersion(
  call: Promise<{ data?: ObservationSettings; error?: unknown; response: Response }>,
): Promise<VersionedSettings> {
  const { response } = await call
  return { ...(await unwrap(call)), version: response.headers.get("ETag") ?? "" }
}

/** The settings of observations; fetched repeatedly while other settings are applied. */
export const observationSettingsQuery = (project: number) =>
  queryOptions({
    queryKey: ["observation-settings", project],
    queryFn: ({ signal }) =>
      unwrapVersion(
        api.GET("/api/v2/projects/{project_id}/observation-settings", {
          params: { path: { project_id: project } },
          signal,
        }),
      ),
    staleTime: 60_000,
    refetchInterval: (query) => (query.state.data?.progress ? POLL_INTERVAL_MS : false),
  })
