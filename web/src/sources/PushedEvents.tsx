/** Pushed events of a source: where to send them, and the secret that signs them, shown once. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { answer, api } from "../api/client"
import type { Source } from "../api/types"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Confirm, Dialog } from "../ui/Dialog"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { sourceWords } from "./en"
import { isOwner, useProject } from "../projects/project"

export function PushedEvents({ source }: { source: Source }) {
  const project = useProject()
  const client = useQueryClient()
  const [asking, setAsking] = useState<"rotate" | "end" | null>(null)
  const w = sourceWords.pushed
  const params = { params: { path: { source_id: source.id } } }
  const refresh = () => client.invalidateQueries({ queryKey: ["source", source.project_id, "one"] })
  const make = useMutation({
    mutationFn: () => answer(api.POST("/image-pull-sources/{source_id}/event-secret", params)),
    onSuccess: () => setAsking(null),
    onSettled: refresh,
  })
  const end = useMutation({
    mutationFn: () => answer(api.DELETE("/image-pull-sources/{source_id}/event-secret", params)),
    onSuccess: () => {
      setAsking(null)
      toast(w.ended)
    },
    onSettled: refresh,
  })
  return (
    <section className="section">
      <div className="section-head">
        <h2>{w.title}</h2>
        {isOwner(project) && (
          <div className="actions">
            {!source.has_event_secret && <Button small busy={make.isPending} onClick={() => make.mutate()}>{w.make}</Button>}
            {source.has_event_secret && <Button small onClick={() => setAsking("rotate")}>{w.rotate}</Button>}
            {source.has_event_secret && <Button small kind="danger" onClick={() => setAsking("end")}>{w.end}</Button>}
          </div>
        )}
      </div>
      <p className="soft">{source.has_event_secret ? w.on : w.off}{!isOwner(project) && ` ${w.onlyOwners}`}</p>
      {source.has_event_secret && (
        <div className="pushed-address"><Copyable label={w.address} text={`${window.location.origin}/image-pull-sources/${source.id}/events`} /></div>
      )}
      <Dialog open={Boolean(make.data)} onClose={() => make.reset()} title={w.secret} wide>
        <div className="form">
          <p className="note">{w.shownOnce}</p>
          <Copyable label={w.secret} text={make.data?.secret ?? ""} />
          {make.data?.previous_until && <p className="soft">{w.both} <When at={make.data.previous_until} />.</p>}
          <div className="dialog-actions"><Button kind="accent" onClick={() => make.reset()}>{words.common.close}</Button></div>
        </div>
      </Dialog>
      <Confirm open={asking === "rotate"} onClose={() => setAsking(null)} title={w.rotateAsk} text={w.rotateText} go={w.rotateGo} busy={make.isPending} onGo={() => make.mutate()} />
      <Confirm open={asking === "end"} onClose={() => setAsking(null)} title={w.endAsk} text={w.endText} go={w.end} busy={end.isPending} onGo={() => end.mutate()} />
    </section>
  )
}
