/** Queries of the grid: saved views, images in an order, and the place of an image in its list. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import { buildImageParameters, type ImageFilter } from "../images/queries"
import { addDays } from "../ui/time"

/** The saved views of a project by name; it has at most 200. */
export const savedViewsQuery = (project: number) =>
  queryOptions({
    queryKey: ["saved-view", project],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/saved-views", { params: { query: { project, limit: 200 } }, signal }),
      ),
    staleTime: 30_000,
  })

/** The images in an order that is not that of time, page by page. */
export const orderedImagesQuery = (project: number, filter: ImageFilter) =>
  infiniteQueryOptions({
    queryKey: ["image", project, "list", "ordered", filter],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v2/images", {
          params: {
            query: {
              ...buildImageParameters(project, filter),
              limit: 100,
              cursor: pageParam,
              count_up_to: 1,
            },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: 30_000,
  })

/** The number of images that the grid shows before a time, in a section of days. */
export const imagesBeforeQuery = (
  project: number,
  filter: ImageFilter,
  section: { from: string; to: string } | null,
  takenAt: string,
) =>
  queryOptions({
    queryKey: ["image", project, "list", "before", filter, section?.from, section?.to, takenAt],
    queryFn: async ({ signal }) => {
      const parameters = buildImageParameters(project, filter)
      const isOldestFirst = parameters.order === "captured_at"
      const page = await unwrap(
        api.GET("/api/v2/images", {
          params: {
            query: {
              ...parameters,
              day_after: section?.from,
              day_before: section ? addDays(section.to, 1) : undefined,
              [isOldestFirst ? "captured_before" : "captured_after"]: takenAt,
              limit: 1,
            },
          },
          signal,
        }),
      )
      return page.count
    },
    staleTime: 30_000,
  })
