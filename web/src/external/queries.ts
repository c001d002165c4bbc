/** The query for callback keys. */
import { queryOptions } from "@tanstack/react-query";
import { unwrap, api } from "../api/client";

export const callbackKeysQuery = (project: number) =>
  queryOptions({
    queryKey: ["callback_key", project],
    queryFn: () => unwrap(api.GET("/api/v2/callback_keys", { params: { query: { project, limit: 1000 } } })),
  })
