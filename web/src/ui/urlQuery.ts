import { useCallback, useMemo } from "react"
import { useLocation, useSearch as useRawSearch } from "wouter"

type QueryUpdate = (search: URLSearchParams) => void

/**
 * Return the query parameters of the URL and a function that changes them. Successive changes build
 * on each other.
 */
export function useUrlQuery(): [
  URLSearchParams,
  (change: QueryUpdate, options?: { replace?: boolean }) => void,
] {
  const raw = useRawSearch()
  const [path, go] = useLocation()
  const search = useMemo(() => new URLSearchParams(raw), [raw])
  const set = useCallback(
    (change: QueryUpdate, options?: { replace?: boolean }) => {
      const next = new URLSearchParams(window.location.search)
      change(next)
      const text = next.toString()
      go(text ? `${path}?${text}` : path, { ...options, state: window.history.state })
    },
    [path, go],
  )
  return [search, set]
}
