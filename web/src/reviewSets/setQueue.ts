/** The items of a review set as the queue of a review: claimed in steps, renewed and released. */
import { infiniteQueryOptions, useQueryClient } from "@tanstack/react-query"
import { type RefObject, useEffect, useRef } from "react"
import { api, unwrap } from "../api/client"
import type { ClaimedReviewItems, Image } from "../api/types"
import { listDecidedImages } from "../review/decisions"
import { getOutbox } from "../review/outbox"
import type { ReviewUnit } from "../review/units"

/** Items that one request claims; the server hands out at most 50 at a time. */
const CLAIMED = 4
const MAX_HELD = 40
/** Claims end after ten minutes without a renewal. */
const RENEW_MS = 4 * 60_000
/** Other people may release or finish the items that they hold. */
const POLL_MS = 15_000

export interface SetPage {
  /** The images of the items. */
  results: Image[]
  units: ReviewUnit[]
  /** The items that the user could still review when the page was claimed. */
  count: number
  count_is_estimate: boolean
  next?: string | null
}

const getKey = (set: string, project: number) => ["review", project, "queue", { set }]

async function claim(
  project: number,
  set: string,
  count: number,
  held: number[],
): Promise<{ page: SetPage; lost: number[] }> {
  let seen = ""
  const call = api.POST("/api/v2/projects/{project_id}/review-sets/{set_id}/claims", {
    params: { path: { project_id: project, set_id: set } },
    body: { count, held },
  })
  const claimed: ClaimedReviewItems = await unwrap(
    call.then((got) => {
      seen = got.response.headers.get("Date") ?? ""
      return got
    }),
  )
  const at = new Date(Date.parse(seen) || Date.now()).toISOString()
  const units = claimed.items.flatMap((item): ReviewUnit[] => {
    const [first] = item.images
    if (!first) return []
    const { position, images, observations } = item
    const key = item.sequence_id ?? first.id
    const shown = { images, observations, seen: at }
    return [{ key, sequence: item.sequence_id, first, ofSet: { position, shown } }]
  })
  const results = claimed.items.flatMap(({ images }) => images)
  return {
    page: { results, units, count: claimed.open, count_is_estimate: false },
    lost: claimed.lost,
  }
}

/** List the units of pages, each once: an item that was skipped can be handed out again. */
export function listSetUnits(pages: readonly SetPage[]): ReviewUnit[] {
  const units = new Map<string, ReviewUnit>()
  for (const unit of pages.flatMap((page) => page.units))
    if (!units.has(unit.key)) units.set(unit.key, unit)
  return [...units.values()]
}

/** `listHeld` returns the positions of the items that the user did not decide about yet. */
export const setQueueQuery = (project: number, set: string, listHeld: () => number[]) =>
  infiniteQueryOptions({
    queryKey: getKey(set, project),
    queryFn: async (): Promise<SetPage> =>
      (await claim(project, set, CLAIMED, listHeld().slice(-MAX_HELD))).page,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: SetPage, pages: SetPage[]) =>
      listSetUnits(pages).length > listSetUnits(pages.slice(0, -1)).length || last.next
        ? "more"
        : undefined,
    staleTime: Infinity,
    gcTime: 0,
    refetchOnMount: false,
  })

/**
 * Renew the claims of the units from `index` on, leave out those that other people took over, wait
 * for items that others hold, and release the claims when the review is closed.
 */
export function useSetClaims(
  project: number,
  set: string | null,
  units: RefObject<readonly ReviewUnit[]>,
  index: number,
  decided: ReadonlySet<string>,
) {
  const client = useQueryClient()
  const now = useRef({ index, decided })
  now.current = { index, decided }
  const listHeld = useRef(() =>
    units.current.flatMap((one) =>
      one.ofSet && !now.current.decided.has(one.key) ? [one.ofSet.position] : [],
    ),
  ).current
  // A decision that was not sent needs its claim.
  const listClaimed = useRef(() => {
    const unsent = new Set(
      getOutbox()
        .decisions.filter((one) => one.act === "identify" && one.state === "waiting")
        .flatMap(listDecidedImages),
    )
    return units.current.flatMap((one) =>
      one.ofSet && (!now.current.decided.has(one.key) || unsent.has(one.first.id))
        ? [one.ofSet.position]
        : [],
    )
  }).current
  useEffect(() => {
    if (set === null) return
    const key = getKey(set, project)
    type Pages = { pages: SetPage[]; pageParams: unknown[] }
    const renew = async (count: number) => {
      const held = listClaimed().slice(-MAX_HELD)
      if (count === 0 && held.length === 0) return
      const { page, lost } = await claim(project, set, count, held)
      client.setQueryData<Pages>(key, (old) => {
        if (!old) return old
        const visited = new Set(units.current.slice(0, now.current.index + 1).map(getUnitKey))
        const pages = old.pages.map((one) => ({
          ...one,
          units: one.units.filter(
            (unit) => visited.has(unit.key) || !lost.includes(unit.ofSet?.position ?? 0),
          ),
        }))
        if (page.units.length === 0) return { ...old, pages }
        return { pages: [...pages, page], pageParams: [...old.pageParams, "more"] }
      })
    }
    // A renewal that fails is repeated: a claim lasts for two of them.
    const attempt = (count: number) => void renew(count).catch(() => undefined)
    const timer = setInterval(() => attempt(0), RENEW_MS)
    const poll = setInterval(() => {
      if (now.current.index >= units.current.length) attempt(CLAIMED)
    }, POLL_MS)
    const onVisibility = () => {
      if (!document.hidden) attempt(0)
    }
    document.addEventListener("visibilitychange", onVisibility)
    return () => {
      clearInterval(timer)
      clearInterval(poll)
      document.removeEventListener("visibilitychange", onVisibility)
    }
  }, [client, project, set, units, listClaimed])
  useEffect(() => {
    if (set === null) return
    const release = () => {
      const items = listHeld()
      if (items.length === 0) return
      void api
        .POST("/api/v2/projects/{project_id}/review-sets/{set_id}/release", {
          params: { path: { project_id: project, set_id: set } },
          body: { items },
          keepalive: true,
        })
        .catch(() => undefined)
    }
    window.addEventListener("pagehide", release)
    return () => {
      window.removeEventListener("pagehide", release)
      release()
      void client.invalidateQueries({ queryKey: ["review-set", project] })
    }
  }, [client, project, set, listHeld])
  return listHeld
}

const getUnitKey = ({ key }: ReviewUnit) => key
