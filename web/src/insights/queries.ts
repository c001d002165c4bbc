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

export type DayTime = "clock" | "solar"

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
    staleTime: kept.staleTime,
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

export const TREND_STEPS = ["day", "week", "month", "year"] as const
export type TrendStep = (typeof TREND_STEPS)[number]

export const trendsQuery = (project: number, filter: InsightFilter, step: TrendStep) =>
  queryOptions({
    queryKey: key(project, "trends", filter, step),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/trends", {
          params: { query: { ...buildInsightParameters(project, filter), step } },
          signal,
        }),
      ),
    ...kept,
  })

export const healthQuery = (project: number) =>
  queryOptions({
    queryKey: key(project, "health"),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v2/insights/camera-health", { params: { query: { project } }, signal })),
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
    staleTime: 0,
  })

export const reliabilityQuery = (project: number, source: string) =>
  queryOptions({
    queryKey: key(project, "reliability", source),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/reliability", {
          params: { query: { project, source } },
          signal,
        }),
      ),
    staleTime: kept.staleTime,
  })

export const thresholdQuery = (project: number, source: string, species: string, recall: number) =>
  queryOptions({
    queryKey: key(project, "threshold", source, species, recall),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/threshold", {
          params: { query: { project, source, class: species, recall } },
          signal,
        }),
      ),
    staleTime: kept.staleTime,
  })

export const modelComparisonQuery = (project: number, first: string, second: string) =>
  queryOptions({
    queryKey: key(project, "comparison", first, second),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v2/insights/model-comparison", {
          params: { query: { project, first, second } },
          signal,
        }),
      ),
    staleTime: kept.staleTime,
  })
