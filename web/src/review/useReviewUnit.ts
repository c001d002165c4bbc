/** The current unit of a review: its data, its proposal, and what the reviewer selected in it. */
import { type QueryClient, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query"
import { useEffect, useMemo, useRef, useState } from "react"
import { listSetUnits, type SetPage, setQueueQuery, useSetClaims } from "../reviewSets/setQueue"
import { useCommonNames } from "../taxa/commonNames"
import { applyBoxesToUnit } from "./boxDecisions"
import { type Decision, listDecidedImages } from "./decisions"
import { getOutbox } from "./outbox"
import { subscribeToOutbox } from "./outboxEvents"
import { buildProposal } from "./proposal"
import {
  getFirstFrame,
  prefetchFrames,
  prefetchUnit,
  queueQuery,
  type ReviewFilter,
  UNIT_BATCH,
  unitQuery,
} from "./reviewQueries"
import { applyStars } from "./stars"
import { groupUnits, type ReviewUnit, type UnitKind } from "./units"
import { useOutbox } from "./useOutbox"
import type { ReviewStep } from "./useReviewSession"

/** Units that are fetched before they are shown. */
const PREFETCHED = 5
/**
 * The other images of a unit are fetched after it was shown for this long: with slow networks the
 * requests for them would delay the next units.
 */
const LOOK_MS = 600
/** The next page of the queue is fetched when fewer units than this are left. */
const QUEUE_RESERVE = 20
/** The same for a review set: items in reserve are held from other people. */
const SET_RESERVE = 4
const NO_UNITS: ReviewUnit[] = []
const NO_IMAGES: ReadonlySet<string> = new Set()
/** Whether a decision about what images show waits to be sent. */
const isUnsent = (one: Decision) =>
  one.state === "waiting" && one.act === "identify" && one.body.kind !== "comment"

/** The units of a set; further pages are fetched as the review approaches their end. */
export function useReviewQueue(
  project: number,
  filter: ReviewFilter,
  kind: UnitKind,
  { index, steps }: { index: number; steps: readonly ReviewStep[] },
  set: string | null,
) {
  const client = useQueryClient()
  /** The units that were decided about: an undo needs what they showed before. */
  const now = useRef(new Set<string>())
  now.current = useMemo(() => new Set(steps.map((one) => one.unit.key)), [steps])
  const decided = useMemo(() => listDecidedUnits(steps), [steps])
  /** The images that were decided about here. */
  const own = useRef(NO_IMAGES)
  own.current = useMemo(
    () => new Set(steps.flatMap(({ decision }) => decision.images ?? [decision.image])),
    [steps],
  )
  const shown = useRef(NO_UNITS)
  const listHeld = useSetClaims(project, set, shown, index, decided)
  const query =
    set === null
      ? queueQuery(project, filter)
      : (setQueueQuery(project, set, listHeld) as unknown as ReturnType<typeof queueQuery>)
  const queue = useInfiniteQuery(query)
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage, isFetchNextPageError } = queue
  const [unsent, setUnsent] = useState<ReadonlySet<string>>(NO_IMAGES)
  const units = useMemo(() => {
    const all =
      set === null
        ? groupUnits(data?.pages.flatMap(({ results }) => results) ?? [], kind)
        : listSetUnits((data?.pages ?? []) as SetPage[])
    return all.filter(({ first }) => !unsent.has(first.id))
  }, [data, kind, set, unsent])
  shown.current = units
  const isLow = index + (set === null ? QUEUE_RESERVE : SET_RESERVE) > units.length
  useEffect(() => {
    if (isLow && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage()
  }, [isLow, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])
  useEffect(() => {
    const next = units.slice(index + 1, index + 1 + PREFETCHED)
    for (const unit of next) void prefetchUnit(client, project, unit)
    // A whole batch at a time: one unit at each step would be a request at each step.
    const end = UNIT_BATCH * Math.ceil((index + 1 + PREFETCHED) / UNIT_BATCH)
    for (const unit of units.slice(index + 1 + PREFETCHED, end))
      void client.prefetchQuery(unitQuery(project, unit))
  }, [client, project, units, index])
  // A page that failed is requested again with the next unit.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs only for another unit
  useEffect(() => {
    if (isFetchNextPageError) void fetchNextPage()
  }, [index])
  // Another tab or another user may have decided while this tab was hidden.
  useEffect(() => {
    const refresh = () => {
      if (!document.hidden) void refetchUndecided(client, project, now.current)
    }
    document.addEventListener("visibilitychange", refresh)
    return () => document.removeEventListener("visibilitychange", refresh)
  }, [client, project])
  // Another tab of the user may decide, or send what it decided, while this tab is visible.
  useEffect(() => {
    const listSent = () =>
      getOutbox().decisions.filter((one) => one.state === "sent" && one.act !== "star")
    const known = new Set(listSent().map(({ key }) => key))
    const onChange = () => {
      const sent = listSent().filter(({ key }) => !known.has(key))
      for (const { key } of sent) known.add(key)
      if (sent.some((one) => !listDecidedImages(one).some((id) => own.current.has(id))))
        void refetchUndecided(client, project, now.current)
    }
    return subscribeToOutbox({ onChange })
  }, [client, project])
  // The next review fetches what was decided in this one.
  useEffect(
    () => () => client.removeQueries({ queryKey: ["review", project, "unit"] }),
    [client, project],
  )
  /** Fetch the set again from its first image, without units from before the decisions. */
  const reset = () => {
    // The server does not know these decisions yet, and would return their units again.
    setUnsent(new Set(getOutbox().decisions.filter(isUnsent).flatMap(listDecidedImages)))
    client.removeQueries({ queryKey: ["review", project, "unit"] })
    void client.resetQueries({ queryKey: query.queryKey })
  }
  /** Request what failed; the pages that are shown are not fetched again. */
  const retry = () => void (data ? fetchNextPage() : queue.refetch())
  return { ...queue, units, reset, retry }
}

/** Fetch the units again that were not decided about in this review. */
const refetchUndecided = (client: QueryClient, project: number, decided: ReadonlySet<string>) =>
  client.invalidateQueries({
    queryKey: ["review", project, "unit"],
    predicate: ({ queryKey }) => !decided.has(String(queryKey[3])),
  })

const listDecidedUnits = (steps: readonly ReviewStep[]): ReadonlySet<string> =>
  new Set(
    steps.filter((one) => one.kind !== "comment" && one.kind !== "box").map((one) => one.unit.key),
  )

/** The fields and lists that replace the proposal. */
export type ReviewMode = "search" | "comment" | "individual" | "palette"

interface Selection {
  unit: string
  /** Null for the first one that the unit shows. */
  frame: number | null
  /** The selected box. */
  chosen: string | null
  /** The count that the reviewer typed. */
  count: number | null
  /** The digits of the count that the reviewer is typing; null if none is typed. */
  counting: string | null
  /** The field that is open in place of the proposal. */
  mode: ReviewMode | null
}

const NOTHING: Omit<Selection, "unit"> = {
  frame: null,
  chosen: null,
  count: null,
  counting: null,
  mode: null,
}

export type ReviewQueue = ReturnType<typeof useReviewQueue>

export function useReviewUnit(
  project: number,
  { units }: ReviewQueue,
  index: number,
  steps: readonly ReviewStep[],
) {
  const unit = units[index]
  const key = unit?.key ?? ""
  const query = useQuery({
    ...unitQuery(project, unit ?? NO_UNIT),
    enabled: unit !== undefined,
  })
  const client = useQueryClient()
  const fetched = unit && query.data
  useEffect(() => {
    if (!fetched) return
    const timer = setTimeout(() => prefetchFrames(client, project, fetched), LOOK_MS)
    return () => clearTimeout(timer)
  }, [client, project, fetched])
  const { decisions } = useOutbox()
  const stored = unit ? query.data : undefined
  const data = useMemo(
    () =>
      stored &&
      applyStars(
        applyBoxesToUnit(stored, decisions, query.dataUpdatedAt),
        decisions.filter((one) => !one.sentAt || one.sentAt > query.dataUpdatedAt),
      ),
    [stored, decisions, query.dataUpdatedAt],
  )
  const [selection, setSelection] = useState<Selection>({ unit: "", ...NOTHING })
  const current = selection.unit === key ? selection : { unit: key, ...NOTHING }
  const select = (change: Partial<Selection>, of = key) =>
    setSelection((old) => ({ ...(old.unit === of ? old : NOTHING), unit: of, ...change }))

  const own = useMemo(() => steps.filter((one) => one.unit.key === key), [steps, key])
  const whole = own.findLast((one) => one.box === null && one.kind !== "comment")
  const decided = useMemo(
    () =>
      new Set(
        own
          .filter((one) => one.kind !== "comment" && one.kind !== "box")
          .flatMap(({ box, decision }) => (box ? [box] : (decision.images ?? [decision.image]))),
      ),
    [own],
  )
  const commonOf = useCommonNames(data?.observations.map((one) => one.taxon_id) ?? [])
  const proposal = useMemo(() => {
    if (!data) return null
    const found = buildProposal(data.images, data.observations, decided)
    return { ...found, taxa: found.taxa.map((one) => ({ ...one, common: commonOf(one.taxon) })) }
  }, [data, decided, commonOf])
  const frame = data ? Math.min(current.frame ?? getFirstFrame(data), data.images.length - 1) : 0
  const boxes = useMemo(() => {
    const place = new Map(data?.images.map(({ id }, at) => [id, at]))
    return (data?.observations ?? [])
      .filter((one) => one.annotation_id !== null && place.has(one.image_id))
      .map((one) => ({
        ...one,
        id: one.annotation_id ?? "",
        frame: place.get(one.image_id) ?? 0,
        common: commonOf(one.taxon_id),
      }))
      .sort((a, b) => a.frame - b.frame || (b.confidence ?? 1) - (a.confidence ?? 1))
  }, [data, commonOf])
  return { project, unit, query, data, own, whole, proposal, frame, boxes, current, select }
}

export type ReviewUnitState = ReturnType<typeof useReviewUnit>

/** Never fetched: a placeholder while there is no unit. */
const NO_UNIT = { key: "", sequence: null, first: { id: "" } } as Parameters<typeof unitQuery>[1]
