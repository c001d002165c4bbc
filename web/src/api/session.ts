import { queryOptions } from "@tanstack/react-query"
import { api, setSession, unwrap } from "./client"
import { isSessionOver } from "./problems"

export const callerQuery = queryOptions({
  queryKey: ["caller"],
  queryFn: async () => {
    const caller = await unwrap(api.GET("/api/v2/auth/me")).catch((error: unknown) => {
      if (isSessionOver(error)) setSession(null)
      throw error
    })
    setSession(caller)
    return caller
  },
  retry: false,
  staleTime: Infinity,
})
