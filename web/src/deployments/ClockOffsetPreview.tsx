/**
 * A preview of a new clock offset or time zone for a deployment's images, and a button to restore
 * the previous one.
 */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Deployment } from "../api/types"
import { Button } from "../ui/Button"
import { showToast } from "../ui/Toasts"
import { formatExact } from "../ui/time"
import { clockTexts as t } from "./en"
import { clockPreviewQuery } from "./queries"
import "./deployments.css"

const DEBOUNCE_MS = 300

interface ClockOffsetPreviewProps {
  deployment: Deployment
  offset: number | undefined
  /** The new time zone, if it changes. */
  zone?: string | undefined
  onUndone: (stored: Deployment) => void
}

export function ClockOffsetPreview({
  deployment,
  offset,
  zone,
  onUndone,
}: ClockOffsetPreviewProps) {
  const client = useQueryClient()
  // Requests wait until the user has stopped typing.
  const [asked, setAsked] = useState({ offset, zone })
  useEffect(() => {
    const timer = setTimeout(() => setAsked({ offset, zone }), DEBOUNCE_MS)
    return () => clearTimeout(timer)
  }, [offset, zone])
  const isOther =
    asked.offset !== undefined &&
    (asked.offset !== deployment.clock_offset_s || asked.zone !== undefined)
  const body = {
    clock_offset_s: asked.offset ?? 0,
    ...(asked.zone === undefined ? {} : { time_zone: asked.zone }),
  }
  const { data } = useQuery({
    ...clockPreviewQuery(deployment.project_id, deployment.id, body),
    enabled: isOther,
    placeholderData: keepPreviousData,
  })
  const shownIn = asked.zone ?? deployment.time_zone
  const undo = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v2/deployments/{deployment_id}/clock/undo", {
          params: { path: { deployment_id: deployment.id } },
        }),
      ),
    onSuccess: (stored) => {
      showToast(t.undone)
      void client.invalidateQueries({ queryKey: ["deployment", deployment.project_id] })
      void client.invalidateQueries({ queryKey: ["image", deployment.project_id] })
      onUndone(stored)
    },
  })
  const previous = deployment.previous_clock_offset_s
  return (
    <div className="clock-preview" aria-live="polite">
      {isOther && data && (
        <>
          <p>{t.effect(data.moved)}</p>
          {data.first.length > 0 && (
            <ul>
              {data.first.map((one) => (
                <li key={one.image_id}>
                  <span className="soft">
                    {formatExact(one.captured_at, shownIn).split(" GMT")[0]}
                  </span>{" "}
                  → {formatExact(one.would_be, shownIn).split(" GMT")[0]}
                </li>
              ))}
            </ul>
          )}
          {data.edited + data.without_camera_time > 0 && (
            <p className="soft small">{t.stays(data.edited, data.without_camera_time)}</p>
          )}
        </>
      )}
      {deployment.capture_times_pending && (
        <p className="soft small">{t.dating(deployment.images_dated, deployment.images_to_date)}</p>
      )}
      {!isOther && previous !== null && previous !== undefined && (
        <Button small busy={undo.isPending} onClick={() => undo.mutate()}>
          {deployment.previous_time_zone
            ? t.undoZone(deployment.previous_time_zone)
            : t.undo(previous)}
        </Button>
      )}
    </div>
  )
}
