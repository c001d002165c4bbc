/** Queries for disagreements between models and people. */
import { queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import { buildImageParameters, type ImageFilter } from "../images/queries"

export const pairsQuery = (project: number) =>
  queryOptions({
    queryKey: ["disagreement", project, "pairs"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v2/disagreements", { params: { query: { project } }, signal })),
  })

/** The matrix of two sources, of the images that a filter matches. */
export const matrixQuery = (
  project: number,
  source_a: string,
  source_b: string,
  filter: ImageFilter,
) =>
  queryOptions({
    queryKey: ["disagreement", project, "matrix", source_a, source_b, filter],
    queryFn: ({ signal }) => {
      const { order: _, ...query } = buildImageParameters(project, filter)
      return unwrap(
        api.GET("/api/v2/disagreements/matrix", {
          params: { query: { ...query, source_a, source_b } },
          signal,
        }),
      )
    },
  })
