import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { api, MAX_ITEMS, unwrap } from "../api/client"
import type { DeliveryState } from "../api/types"

export const webhooksQuery = (project: number) =>
  queryOptions({
    queryKey: ["webhook", project, "list"],
    queryFn: () =>
      unwrap(api.GET("/api/v2/webhooks", { params: { query: { project, limit: 1000 } } })),
  })

export const webhookQuery = (project: number, webhook: string) =>
  queryOptions({
    queryKey: ["webhook", project, "one", webhook],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook } } }),
      ),
  })

export const deliveriesQuery = (
  project: number,
  webhook: string,
  state: DeliveryState | undefined,
) =>
  infiniteQueryOptions({
    queryKey: ["webhook", project, "log", webhook, state ?? ""],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v2/webhooks/{webhook_id}/deliveries", {
          params: { path: { webhook_id: webhook }, query: { state, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const noticesQuery = (project: number) =>
  queryOptions({
    queryKey: ["notice", project],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/notification-subscriptions", {
          params: { query: { project, limit: MAX_ITEMS } },
        }),
      ),
  })
