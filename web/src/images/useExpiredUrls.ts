import { useQueryClient } from "@tanstack/react-query"
import { useCallback, useState } from "react"

/**
 * URLs that were already fetched again once, so that a missing file does not cause endless
 * requests.
 */
const refreshed = new Set<string>()

/**
 * Return the failed URLs, and a function to call when a URL fails: it fetches the images of the
 * project again.
 *
 * Signed URLs of images expire within an hour, and a tab can stay open longer.
 */
export function useExpiredUrls(
  project: number,
): [failed: ReadonlySet<string>, onFail: (url: string) => void] {
  const client = useQueryClient()
  const [failed, setFailed] = useState<ReadonlySet<string>>(new Set())
  const onFail = useCallback(
    (url: string) => {
      setFailed((old) => new Set(old).add(url))
      if (refreshed.has(url)) return
      refreshed.add(url)
      void client.invalidateQueries({ queryKey: ["image", project] }, { cancelRefetch: false })
    },
    [client, project],
  )
  return [failed, onFail]
}
