/** Queries of the overview. */
import { queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import { buildImageParameters, type ImageFilter, NO_FILTER } from "../images/queries"

/** Percent from which a result of a model is shown as a find; what people identified is certain. */
const CERTAIN = "80"

/** The newest images with a certain animal that a filter matches. */
export const certainAnimalsQuery = (project: number, filter: Partial<ImageFilter>, limit: number) =>
  queryOptions({
    queryKey: ["image", project, "finds", filter, limit],
    queryFn: async ({ signal }) => {
      const wanted = { ...NO_FILTER, kind: "animal", confidence: CERTAIN, ...filter }
      const page = await unwrap(
        api.GET("/api/v2/images", {
          params: { query: { ...buildImageParameters(project, wanted), limit, count_up_to: 1 } },
          signal,
        }),
      )
      return page.results
    },
    staleTime: 60_000,
  })
