/** Queries for images, their filters and their analyses. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import { unwrapDated } from "../api/serverTime"
import type {
  Analysis,
  AnalysisState,
  Annotation,
  ObservationGrouping,
  ObservationKind,
  ObservationSource,
} from "../api/types"
import { addDays } from "../ui/time"
import { parseOrder } from "./orders"

const MAX_ITEMS = 1000

/**
 * The filters of the image grid; empty text means no filter. Dates are days in each camera's time
 * zone. Several deployments are separated by commas.
 */
export interface ImageFilter {
  deployment: string
  class: string
  analysis_state: string
  from: string
  to: string
  confidence: string
  blank: string
  reviewed: string
  tag: string
  starred: string
  sequence: string
  taxon: string
  kind: string
  source: string
  identified_by: string
  needs_review: string
  individual: string
  count_min: string
  model_class: string
  confidence_max: string
  commented: string
  hour_from: string
  hour_to: string
  disagreement: string
  source_a: string
  source_b: string
  answer_a: string
  answer_b: string
  comparison: string
  deleted: string
  order: string
}

/** List the deployments of a filter, of which an image is in one. */
export const listDeploymentIds = (filter: ImageFilter) =>
  filter.deployment.split(",").filter(Boolean)

/** Parse a count in the URL; anything but a positive whole number is ignored. */
export const parseCount = (text: string) => (/^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined)

/** Parse an hour of the day in the URL; anything but 0 to 24 is ignored. */
export const parseHour = (text: string) =>
  /^(\d|1\d|2[0-4])$/.test(text) ? Number(text) : undefined

type DisagreementKind = "models" | "model_people" | "people" | "any"
type Comparison = "agree" | "differ" | "open"

export function buildImageParameters(project: number, filter: ImageFilter) {
  return {
    project,
    deployment: filter.deployment ? listDeploymentIds(filter) : undefined,
    class: filter.class || undefined,
    analysis_state: (filter.analysis_state || undefined) as AnalysisState | undefined,
    day_after: filter.from || undefined,
    day_before: filter.to ? addDays(filter.to, 1) : undefined,
    blank: filter.blank ? filter.blank === "true" : undefined,
    reviewed: filter.reviewed ? filter.reviewed === "true" : undefined,
    confidence_min: filter.confidence ? Number(filter.confidence) / 100 : undefined,
    tag: filter.tag || undefined,
    starred: filter.starred ? filter.starred === "true" : undefined,
    sequence: filter.sequence ? [filter.sequence] : undefined,
    taxon: filter.taxon || undefined,
    kind: (filter.kind || undefined) as ObservationKind | undefined,
    source: (filter.source || undefined) as ObservationSource | undefined,
    identified_by: filter.identified_by || undefined,
    needs_review: filter.needs_review ? filter.needs_review === "true" : undefined,
    individual: filter.individual || undefined,
    count_min: parseCount(filter.count_min),
    model_class: filter.model_class || undefined,
    confidence_max: filter.confidence_max ? Number(filter.confidence_max) / 100 : undefined,
    commented: filter.commented ? filter.commented === "true" : undefined,
    hour_from: parseHour(filter.hour_from),
    hour_to: parseHour(filter.hour_to),
    disagreement: (filter.disagreement || undefined) as DisagreementKind | undefined,
    source_a: filter.source_a || undefined,
    source_b: filter.source_b || undefined,
    answer_a: filter.answer_a || undefined,
    answer_b: filter.answer_b || undefined,
    comparison: (filter.comparison || undefined) as Comparison | undefined,
    deleted: filter.deleted === "true" || undefined,
    order: parseOrder(filter.order),
  } as const
}

export const NO_FILTER: ImageFilter = {
  deployment: "",
  class: "",
  analysis_state: "",
  from: "",
  to: "",
  confidence: "",
  blank: "",
  reviewed: "",
  tag: "",
  starred: "",
  sequence: "",
  taxon: "",
  kind: "",
  source: "",
  identified_by: "",
  needs_review: "",
  individual: "",
  count_min: "",
  model_class: "",
  confidence_max: "",
  commented: "",
  hour_from: "",
  hour_to: "",
  disagreement: "",
  source_a: "",
  source_b: "",
  answer_a: "",
  answer_b: "",
  comparison: "",
  deleted: "",
  order: "",
}

/**
 * The days on which a filter matches images, in the order of the list, with the number of images.
 */
export const imageDaysQuery = (project: number, filter: ImageFilter) =>
  queryOptions({
    queryKey: ["image", project, "list", "days", filter],
    queryFn: async ({ signal }) => {
      const { order, ...query } = buildImageParameters(project, filter)
      const days = await unwrap(api.GET("/api/v2/images/days", { params: { query }, signal }))
      return order === "captured_at" ? { ...days, results: days.results.toReversed() } : days
    },
    // The counts of new images follow a few seconds later.
    refetchInterval: (query) => (query.state.data?.is_behind ? 3000 : false),
  })

/** The images of several days, or of a part of one. */
export const imageChunkQuery = (
  project: number,
  filter: ImageFilter,
  { from, to, skip, images }: { from: string; to: string; skip: number; images: number },
) =>
  queryOptions({
    queryKey: ["image", project, "list", "chunk", filter, from, to, skip, images],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/images", {
          params: {
            query: {
              ...buildImageParameters(project, filter),
              day_after: from,
              day_before: addDays(to, 1),
              skip,
              limit: images,
              count_up_to: 1,
            },
          },
          signal,
        }),
      ),
    staleTime: 30_000,
  })

export const projectSummaryQuery = (project: number) =>
  queryOptions({
    queryKey: ["image", project, "summary"],
    queryFn: () => unwrap(api.GET("/api/v2/summary", { params: { query: { project } } })),
    // The counts of new images follow a few seconds later.
    refetchInterval: (query) => (query.state.data?.is_behind ? 3000 : false),
  })

/** The number of images that a filter matches. */
export const imageCountQuery = (project: number, filter: ImageFilter) =>
  queryOptions({
    queryKey: ["image", project, "count", filter],
    queryFn: async ({ signal }) => {
      const page = await unwrap(
        api.GET("/api/v2/images", {
          params: { query: { ...buildImageParameters(project, filter), limit: 1 } },
          signal,
        }),
      )
      return { count: page.count, isEstimate: page.count_is_estimate ?? false }
    },
  })

/**
 * List the IDs of the images that a filter matches. Stops after more than `most` of them, by up to
 * one page.
 */
export async function listImageIds(
  project: number,
  filter: ImageFilter,
  most: number,
  onRead: (count: number) => void,
): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page: { results: { id: string }[]; next?: string | null } = await unwrap(
      api.GET("/api/v2/images", {
        params: {
          query: {
            ...buildImageParameters(project, filter),
            limit: MAX_ITEMS,
            cursor,
            count_up_to: 1,
          },
        },
      }),
    )
    ids.push(...page.results.map((image) => image.id))
    onRead(ids.length)
    cursor = page.next ?? undefined
  } while (cursor && ids.length <= most)
  return ids
}

export const recentImagesQuery = (project: number, limit: number) =>
  queryOptions({
    queryKey: ["image", project, "recent", limit],
    queryFn: () => unwrap(api.GET("/api/v2/images", { params: { query: { project, limit } } })),
  })

/** The newest image of a deployment, as a list of at most one. */
export const lastImageQuery = (project: number, deployment: string) =>
  queryOptions({
    queryKey: ["image", project, "last", deployment],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/images", {
          params: { query: { project, deployment: [deployment], limit: 1 } },
          signal,
        }),
      ),
  })

export const classesQuery = (project: number) =>
  queryOptions({
    queryKey: ["image", project, "classes"],
    queryFn: () => unwrap(api.GET("/api/v2/images/classes", { params: { query: { project } } })),
  })

/** The number of images with observations, by a property of them. */
export const observationGroupsQuery = (project: number, by: ObservationGrouping) =>
  queryOptions({
    queryKey: ["image", project, "groups", by],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/observations/groups", { params: { query: { project, by } }, signal }),
      ),
    staleTime: 30_000,
  })

/** The first known individuals of a project by name, as current observations name them. */
export const individualsQuery = (project: number) =>
  queryOptions({
    queryKey: ["image", project, "individuals"],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/observations/individuals", {
          params: { query: { project, limit: MAX_ITEMS } },
          signal,
        }),
      ),
    staleTime: 30_000,
  })

/** The current observations of an image. */
export const observationsQuery = (project: number, image: string) =>
  queryOptions({
    queryKey: ["image", project, "observations", image],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/observations", {
          params: { query: { project, image, limit: MAX_ITEMS } },
          signal,
        }),
      ),
    staleTime: 30_000,
  })

/**
 * The classes to which colours are assigned. It is not fetched again for new results, so that
 * colours do not change.
 */
export const colouredClassesQuery = (project: number) =>
  queryOptions({
    queryKey: ["coloured-classes", project],
    queryFn: () => unwrap(api.GET("/api/v2/images/classes", { params: { query: { project } } })),
    staleTime: 600_000,
  })

export const sequencesQuery = (project: number, deployment: string, least: number | undefined) =>
  infiniteQueryOptions({
    queryKey: ["image", project, "sequences", deployment, least],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v2/sequences", {
          params: {
            query: {
              project,
              deployment: deployment || undefined,
              images_min: least,
              limit: 30,
              cursor: pageParam,
            },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const sequenceQuery = (project: number, sequence: string) =>
  queryOptions({
    queryKey: ["image", project, "sequence", sequence],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/sequences/{sequence_id}", { params: { path: { sequence_id: sequence } } }),
      ),
    staleTime: 30_000,
  })

export const imageTagsQuery = (project: number) =>
  queryOptions({
    queryKey: ["image", project, "tags"],
    queryFn: () => unwrap(api.GET("/api/v2/images/tags", { params: { query: { project } } })),
  })

/** Parse the filter in the URL of the grid. */
export const parseFilter = (search: URLSearchParams): ImageFilter =>
  Object.fromEntries(
    Object.keys(NO_FILTER).map((key) => [key, search.get(key) ?? ""]),
  ) as unknown as ImageFilter

/**
 * An image with its neighbours. `list` is the query string of the grid; without it the order is by
 * time.
 */
export const imageQuery = (project: number, image: string, list: string | null = null) =>
  queryOptions({
    queryKey: ["image", project, "one", image, list],
    queryFn: () => {
      const { project: _, ...query } = buildImageParameters(
        project,
        parseFilter(new URLSearchParams(list ?? "")),
      )
      return unwrapDated(
        api.GET("/api/v2/images/{image_id}", {
          params: { path: { image_id: image }, query: list === null ? {} : query },
        }),
      )
    },
    staleTime: 30_000,
  })

/** The pages of an analysis's annotations after the first one. */
export const remainingAnnotationsQuery = (project: number, analysis: Analysis) =>
  queryOptions({
    queryKey: ["image", project, "annotations", analysis.id, analysis.annotation_count],
    queryFn: async ({ signal }) => {
      const rest: Annotation[] = []
      for (let cursor = analysis.next; cursor; ) {
        const page: { results: Annotation[]; next?: string | null } = await unwrap(
          api.GET("/api/v2/analyses/{analysis_id}/annotations", {
            params: { path: { analysis_id: analysis.id }, query: { cursor, limit: MAX_ITEMS } },
            signal,
          }),
        )
        rest.push(...page.results)
        cursor = page.next
      }
      return rest
    },
    staleTime: 30_000,
  })
