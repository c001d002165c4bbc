import { useInfiniteQuery } from "@tanstack/react-query"
import type { Job } from "../api/types"
import { useProject } from "../projects/projectContext"
import { jobsQuery } from "./queries"

export interface RunningJobs {
  /** Undefined until both lists are loaded; at most fifty of each state, running ones first. */
  jobs: Job[] | undefined
  /** The number of all unfinished jobs. */
  count: number
  error: unknown
  refetch: () => Promise<unknown>
}

export function useRunningJobs(): RunningJobs {
  const project = useProject()
  const atWork = useInfiniteQuery(jobsQuery(project.id, "processing"))
  const waiting = useInfiniteQuery(jobsQuery(project.id, "queued"))
  const lists = [atWork, waiting]
  const pages = lists.map((list) => list.data?.pages[0])
  return {
    jobs: pages.every((page) => page) ? pages.flatMap((page) => page?.results ?? []) : undefined,
    count: pages.reduce((sum, page) => sum + (page?.count ?? 0), 0),
    error: lists.find((list) => list.error)?.error ?? null,
    refetch: () => Promise.all(lists.filter((list) => list.error).map((list) => list.refetch())),
  }
}
