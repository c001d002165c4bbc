/** The progress of a review: images or items of the set that were decided, and the time left. */
import { useQuery } from "@tanstack/react-query"
import { useMemo } from "react"
import { callerQuery } from "../api/session"
import { formatCount, formatEstimate } from "../ui/en"
import { progressQuery } from "./reviewQueries"
import { countDecided, estimateMinutesLeft } from "./sessionResult"
import type { ReviewStep } from "./useReviewSession"

/** `first` is the first page of the queue; `isSet`: its items are counted instead of images. */
export function useReviewProgress(
  project: number,
  steps: readonly ReviewStep[],
  first: { count: number; count_is_estimate?: boolean } | undefined,
  isSet: boolean,
) {
  const { data: caller } = useQuery(callerQuery)
  const { data: earlier } = useQuery({
    ...progressQuery(project),
    staleTime: Infinity,
    gcTime: 0,
  })
  const mine = earlier?.people.find((one) => one.person_id === caller?.user_id)
  const done = useMemo(() => countDecided(steps, isSet), [steps, isSet])
  if (!first) return { done, progress: null }
  const total = Math.max(first.count, done)
  const progress = {
    done,
    count: total,
    total: formatEstimate(formatCount(total), first.count_is_estimate ?? false),
    today: earlier ? (mine?.recent ?? 0) + countDecided(steps) : null,
    minutesLeft: estimateMinutesLeft(steps, total - done, isSet),
  }
  return { done, progress }
}
