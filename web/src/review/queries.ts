/** What the page asks about what people said. */
import { queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"

const SHOWN = 100

/** What people said of an image and of anything on it, the newest first. */
export const identificationsQuery = (project: number, image: string) =>
  queryOptions({
    queryKey: ["identification", project, image],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/identifications", {
          params: { query: { project, image, limit: SHOWN } },
          signal,
        }),
      ),
    staleTime: 30_000,
  })
