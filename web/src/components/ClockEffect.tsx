/** What another clock offset would do to a deployment's images, and the step back to the one before. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askClock } from "../api/queries"
import type { Deployment } from "../api/types"
import { Button } from "../ui/Button"
import { exact } from "../ui/time"
import { toast } from "../ui/Toasts"
import { clockWords as w } from "../words/en.sequences"

const PAUSE_MS = 300

export function ClockEffect({ deployment, offset, onUndone }: { deployment: Deployment; offset: number | undefined; onUndone: (stored: Deployment) => void }) {
  const client = useQueryClient()
  // Asked once the person has stopped typing.
  const [asked, setAsked] = useState(offset)
  useEffect(() => {
    const timer = setTimeout(() => setAsked(offset), PAUSE_MS)
    return () => clearTimeout(timer)
  }, [offset])
  const isOther = asked !== undefined && asked !== deployment.clock_offset_s
  const { data } = useQuery({ ...askClock(deployment.project_id, deployment.id, asked ?? 0), enabled: isOther, placeholderData: keepPreviousData })
  const undo = useMutation({
    mutationFn: () => answer(api.POST("/api/v2/deployments/{deployment_id}/clock/undo", { params: { path: { deployment_id: deployment.id } } })),
    onSuccess: (stored) => {
      toast(w.undone)
      void client.invalidateQueries({ queryKey: ["deployment", deployment.project_id] })
      void client.invalidateQueries({ queryKey: ["image", deployment.project_id] })
      onUndone(stored)
    },
  })
  const previous = deployment.previous_clock_offset_s
  return (
    <div className="clock-effect" aria-live="polite">
      {isOther && data && (
        <>
          <p>{w.effect(data.moved)}</p>
          {data.first.length > 0 && (
            <ul>
              {data.first.map((one) => (
                <li key={one.image_id}><span className="soft">{exact(one.captured_at, deployment.time_zone).split(" GMT")[0]}</span> → {exact(one.would_be, deployment.time_zone).split(" GMT")[0]}</li>
              ))}
            </ul>
          )}
          {data.edited + data.without_camera_time > 0 && <p className="soft small">{w.stays(data.edited, data.without_camera_time)}</p>}
        </>
      )}
      {deployment.dating && <p className="soft small">{w.dating}</p>}
      {!isOther && previous !== null && previous !== undefined && (
        <Button small busy={undo.isPending} onClick={() => undo.mutate()}>{w.undo(previous)}</Button>
      )}
    </div>
  )
}
