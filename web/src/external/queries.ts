import { queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"

export const callbackKeysQuery = (project: number) =>
  queryOptions({
    queryKey: ["callback_key", project],
    queryFn: () =>
      unwrap(api.GET("/api/v2/callback_keys", { params: { query: { project, limit: 1000 } } })),
  })
