/** Queries for disagreements between models and people. */
import { queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"

export const pairsQuery = (project: number) =>
  queryOptions({
    queryKey: ["disagreement", project, "pairs"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v2/disagreements", { params: { query: { project } }, signal })),
  })

export const matrixQuery = (project: number, source_a: string, source_b: string) =>
  queryOptions({
    queryKey: ["disagreement", project, "matrix", source_a, source_b],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/disagreements/matrix", {
          params: { query: { project, source_a, source_b } },
          signal,
        }),
      ),
  })
