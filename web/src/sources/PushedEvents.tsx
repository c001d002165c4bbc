/**
 * Pushed events of a source: the endpoint URL, and the secret that signs them, which is shown once.
 */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { api, unwrap } from "../api/client"
import type { Source } from "../api/types"
import { isOwner, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { CopyField } from "../ui/CopyField"
import { Confirm, Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { sourceTexts } from "./en"

export function PushedEvents({ source }: { source: Source }) {
  const project = useProject()
  const client = useQueryClient()
  const [asking, setAsking] = useState<"rotate" | "end" | null>(null)
  const t = sourceTexts.pushed
  const params = { params: { path: { source_id: source.id } } }
  const refresh = () => client.invalidateQueries({ queryKey: ["source", source.project_id, "one"] })
  const make = useMutation({
    mutationFn: () => unwrap(api.POST("/image-pull-sources/{source_id}/event-secret", params)),
    onSuccess: () => setAsking(null),
    onSettled: refresh,
  })
  const end = useMutation({
    mutationFn: () => unwrap(api.DELETE("/image-pull-sources/{source_id}/event-secret", params)),
    onSuccess: () => {
      setAsking(null)
      showToast(t.ended)
    },
    onSettled: refresh,
  })
  return (
    <section className="section">
      <div className="section-head">
        <h2>{t.title}</h2>
        {isOwner(project) && (
          <div className="actions">
            {!source.has_event_secret && (
              <Button small busy={make.isPending} onClick={() => make.mutate()}>
                {t.make}
              </Button>
            )}
            {source.has_event_secret && (
              <Button small onClick={() => setAsking("rotate")}>
                {t.rotate}
              </Button>
            )}
            {source.has_event_secret && (
              <Button small kind="danger" onClick={() => setAsking("end")}>
                {t.end}
              </Button>
            )}
          </div>
        )}
      </div>
      <p className="soft">
        {source.has_event_secret ? t.on : t.off}
        {!isOwner(project) && ` ${t.onlyOwners}`}
      </p>
      {source.has_event_secret && (
        <div className="pushed-address">
          <CopyField
            label={t.address}
            text={`${window.location.origin}/image-pull-sources/${source.id}/events`}
          />
        </div>
      )}
      <Dialog open={Boolean(make.data)} onClose={() => make.reset()} title={t.secret} wide>
        <div className="form">
          <p className="note">{t.shownOnce}</p>
          <CopyField label={t.secret} text={make.data?.secret ?? ""} />
          {make.data?.previous_until && (
            <p className="soft">
              {t.both} <Timestamp at={make.data.previous_until} />.
            </p>
          )}
          <div className="dialog-actions">
            <Button kind="accent" onClick={() => make.reset()}>
              {uiTexts.close}
            </Button>
          </div>
        </div>
      </Dialog>
      <Confirm
        open={asking === "rotate"}
        onClose={() => setAsking(null)}
        title={t.rotateAsk}
        text={t.rotateText}
        go={t.rotateGo}
        busy={make.isPending}
        onGo={() => make.mutate()}
      />
      <Confirm
        open={asking === "end"}
        onClose={() => setAsking(null)}
        title={t.endAsk}
        text={t.endText}
        go={t.end}
        busy={end.isPending}
        onGo={() => end.mutate()}
      />
    </section>
  )
}
