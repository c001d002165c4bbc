import { queryOptions } from "@tanstack/react-query"
import { api, MAX_ITEMS, unwrap } from "../api/client"
import type { User } from "../api/types"

export const signInMethodsQuery = queryOptions({
  queryKey: ["ways"],
  queryFn: () => unwrap(api.GET("/api/v2/auth/methods")),
  staleTime: Infinity,
})

export const oneTimeLinkQuery = (link: string) =>
  queryOptions({
    queryKey: ["link", link],
    queryFn: () => unwrap(api.POST("/api/v2/auth/link/state", { body: { link } })),
    retry: false,
    staleTime: Infinity,
  })

export const sessionsQuery = queryOptions({
  queryKey: ["session"],
  queryFn: () => unwrap(api.GET("/api/v2/auth/sessions", { params: { query: { limit: 1000 } } })),
})

/** All users, on as many API pages as needed; for operators only. */
export const usersQuery = queryOptions({
  queryKey: ["user"],
  queryFn: async () => {
    const results: User[] = []
    let cursor: string | undefined
    do {
      const page: { results: User[]; next?: string | null } = await unwrap(
        api.GET("/api/v2/users", { params: { query: { limit: MAX_ITEMS, cursor } } }),
      )
      results.push(...page.results)
      cursor = page.next ?? undefined
    } while (cursor)
    return { results, count: results.length }
  },
})

export const apiTokensQuery = queryOptions({
  queryKey: ["token"],
  queryFn: () => unwrap(api.GET("/api/v2/auth/tokens", { params: { query: { limit: 1000 } } })),
})
