/** Signed URLs of images expire within the hour: a tab that stays open asks for new ones. */
import { useQueryClient } from "@tanstack/react-query"
import { useCallback, useState } from "react"

/** URLs that were asked for again: a file that is missing causes one request, not an endless number. */
const refreshed = new Set<string>()

/** Returns which URLs failed, and what to call when one fails: the images of the project are then asked for again. */
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
