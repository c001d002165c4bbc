/** The observations of an image, also with decisions that the server does not have yet. */
import { useQuery } from "@tanstack/react-query"
import { useMemo } from "react"
import type { ImageDetail } from "../api/types"
import type { Finding } from "../findings/findings"
import { listHumanBoxes } from "../findings/humanBoxes"
import type { PendingNames } from "../findings/observedFindings"
import { observationsQuery } from "../images/queries"
import { observationSettingsQuery } from "../observations/queries"
import { applyBoxes, applyBoxesToObservations } from "../review/boxDecisions"
import { applyDecisions } from "../review/decisions"
import { useDecisions } from "../review/useOutbox"

export function useObservations(project: number, image: string | null) {
  const observed = useQuery({
    ...observationsQuery(project, image ?? ""),
    enabled: image !== null,
  })
  const { data: settings } = useQuery(observationSettingsQuery(project))
  const decisions = useDecisions(image ?? "")
  const observations = useMemo(
    () =>
      observed.data &&
      applyBoxesToObservations(observed.data.results, decisions, observed.dataUpdatedAt),
    [observed.data, observed.dataUpdatedAt, decisions],
  )
  return { observed, observations, threshold: settings?.detection_threshold ?? 0 }
}

/** Return the boxes of people on an image, also those that the server does not have yet. */
export function useHumanBoxes(image: ImageDetail | undefined, fetchedAt: number): Finding[] {
  const decisions = useDecisions(image?.id ?? "")
  return useMemo(
    () =>
      image
        ? listHumanBoxes(image, applyBoxes(image.boxes_by_people ?? [], decisions, fetchedAt))
        : [],
    [image, decisions, fetchedAt],
  )
}

export type ObservedImage = ReturnType<typeof useObservations>["observed"]

/**
 * Return the names of boxes that the user decided after the observations were fetched, so that a
 * decision is visible before the server has stored it.
 */
export function usePendingNames(project: number, image: string, fetchedAt: number): PendingNames {
  const decisions = useDecisions(image)
  return useMemo(() => {
    const late = decisions.filter(
      (one) =>
        one.project === project &&
        (one.state === "waiting" || (one.state === "sent" && (one.sentAt ?? 0) > fetchedAt)),
    )
    const names = new Map<string, string | null>()
    // The newest is first.
    for (const one of applyDecisions([], late)) {
      const box = one.annotation_id
      if (!box || one.withdrawn_at || names.has(box)) continue
      if (one.kind === "blank") names.set(box, null)
      if (one.kind === "correct" && one.label) names.set(box, one.label)
    }
    return names
  }, [decisions, project, fetchedAt])
}
