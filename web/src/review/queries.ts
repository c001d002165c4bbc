import { queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"

const SHOWN = 100

/** The identifications of an image and its findings, newest first. */
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
