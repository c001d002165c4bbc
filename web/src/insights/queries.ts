/** Queries of insights. The figures change with reviews and new images, so they are kept briefly. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import { buildInsightParameters, type InsightFilter } from "./insightFilter"

const kept = { staleTime: 30_000, placeholderData: keepPreviousData } as const
const key = (project: number, name: string, ...rest: unknown[]) => [
  "insight",
  project,
  name,
  ...rest,
]
export type DayTime = "clock" | "solar"

export const summaryQuery = (project: number, filter: InsightFilter) =>
  queryOptions({
    queryKey: key(project, "summary", filter),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/summary", {
          params: { query: buildInsightParameters(project, filter) },
          signal,
        }),
      ),
    ...kept,
  })

export const activityQuery = (project: number, filter: InsightFilter, time: DayTime) =>
  queryOptions({
    queryKey: key(project, "activity", filter, time),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/activity", {
          params: { query: { ...buildInsightParameters(project, filter), time } },
          signal,
        }),
      ),
    ...kept,
  })

export const overlapQuery = (
  project: number,
  filter: InsightFilter,
  time: DayTime,
  first: string,
  second: string,
) =>
  queryOptions({
    queryKey: key(project, "overlap", filter, time, first, second),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/overlap", {
          params: { query: { ...buildInsightParameters(project, filter), time, first, second } },
          signal,
        }),
      ),
    ...kept,
  })

export const accumulationQuery = (project: number, filter: InsightFilter) =>
  queryOptions({
    queryKey: key(project, "accumulation", filter),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/accumulation", {
          params: { query: buildInsightParameters(project, filter) },
          signal,
        }),
      ),
    ...kept,
  })

export const timelineQuery = (project: number, filter: InsightFilter) =>
  queryOptions({
    queryKey: key(project, "timeline", filter),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/timeline", {
          params: { query: buildInsightParameters(project, filter) },
          signal,
        }),
      ),
    ...kept,
  })

export const mapQuery = (project: number, filter: InsightFilter) =>
  queryOptions({
    queryKey: key(project, "map", filter),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/map", {
          params: { query: buildInsightParameters(project, filter) },
          signal,
        }),
      ),
    ...kept,
  })

export const qualityQuery = (project: number, source: string) =>
  queryOptions({
    queryKey: key(project, "quality", source),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/model-quality", {
          params: { query: { project, source: source || undefined } },
          signal,
        }),
      ),
    ...kept,
  })

export const thresholdQuery = (project: number, source: string, species: string, recall: number) =>
  queryOptions({
    queryKey: key(project, "threshold", source, species, recall),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/thresholds", {
          params: { query: { project, source, species, recall } },
          signal,
        }),
      ),
  })

export const healthQuery = (project: number) =>
  queryOptions({
    queryKey: key(project, "health"),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v2/insights/camera-health", { params: { query: { project } }, signal })),
    ...kept,
  })
