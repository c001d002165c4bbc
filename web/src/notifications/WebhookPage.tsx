/** One webhook: what it is told of, how it is, and the log of its deliveries. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, KeyRound, Pencil, Power, Send, Trash2 } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { answer, api } from "../api/client"
import { ApiProblem } from "../api/problems"
import { askWebhook } from "../api/queries"
import { isOwner, useProject } from "../projects/project"
import { ShownSecret, WebhookForm } from "./WebhookForm"
import { WebhookLog } from "./WebhookLog"
import { WebhookState } from "./WebhookState"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import "./webhooks.css"
import { words } from "../en"
import { webhookWords } from "./en.webhooks"
import { NotFound } from "../errors/NotFound"

export function WebhookPage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [open, setOpen] = useState<"edit" | "rotate" | "remove" | null>(null)
  const w = webhookWords
  const params = { params: { path: { webhook_id: id } } }
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v2/webhooks/{webhook_id}", params)),
    onSuccess: () => {
      toast(w.removed)
      go(paths.webhooks(project.id))
      void client.invalidateQueries({ queryKey: ["webhook", project.id, "list"] })
    },
  })
  // What is being deleted is not asked for again: it may be gone before the page is left.
  const isThere = !remove.isPending && !remove.isSuccess
  const { data: webhook, error, refetch } = useQuery({
    ...askWebhook(project.id, id), enabled: isThere, refetchInterval: (query) => (query.state.data?.waiting ? 2_000 : 10_000),
  })
  const refresh = () => client.invalidateQueries({ queryKey: ["webhook", project.id] })
  const test = useMutation({
    mutationFn: () => answer(api.POST("/api/v2/webhooks/{webhook_id}/test", params)),
    onSuccess: (done) => toast(done.state === "delivered" ? w.arrived(done.duration_ms ?? 0) : w.notArrived(done.last_error ?? "")),
    onSettled: refresh,
  })
  const toggle = useMutation({
    mutationFn: (active: boolean) => answer(api.PATCH("/api/v2/webhooks/{webhook_id}", { ...params, body: { is_active: active } })),
    onSuccess: (_, active) => toast(active ? w.switchedOn : w.switchedOff),
    onSettled: refresh,
  })
  const rotate = useMutation({
    mutationFn: () => answer(api.POST("/api/v2/webhooks/{webhook_id}/rotate-secret", params)),
    onSettled: () => setOpen(null),
  })
  const title = webhook?.name || webhook?.url
  useEffect(() => {
    if (title) document.title = `${title} · ${project.name}`
  }, [title, project.name])
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error) return <Trouble error={error} retry={() => void refetch()} />
  if (!webhook) return <SkeletonRows rows={6} />
  return (
    <div className="narrow">
      <Link href={paths.webhooks(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{w.title}</Link>
      <div className="page-head">
        <h1 className="webhook-title">{title}</h1>
        <WebhookState webhook={webhook} />
        <div className="actions">
          <Button kind="accent" icon={<Send size={15} aria-hidden />} busy={test.isPending} onClick={() => test.mutate()}>{w.test}</Button>
          <Button icon={<Power size={15} aria-hidden />} busy={toggle.isPending} onClick={() => toggle.mutate(!webhook.is_active)}>{webhook.is_active ? w.switchOff : w.switchOn}</Button>
          <Button icon={<Pencil size={15} aria-hidden />} onClick={() => setOpen("edit")}>{words.common.edit}</Button>
          {isOwner(project) && <Button icon={<KeyRound size={15} aria-hidden />} onClick={() => setOpen("rotate")}>{w.rotate}</Button>}
          <Button kind="danger" icon={<Trash2 size={15} aria-hidden />} onClick={() => setOpen("remove")} aria-label={w.remove} title={w.remove} />
        </div>
      </div>
      {!webhook.is_active && <p className="note">{webhook.disabled_reason ? `${w.disabled} ${webhook.disabled_reason}.` : w.offText}</p>}
      <dl className="facts">
        <dt>{w.url}</dt><dd>{webhook.url}</dd>
        <dt>{w.events}</dt>
        <dd>
          {webhook.event_types.length > 0 ? webhook.event_types.map((type) => w.types[type] ?? type).join(", ") : w.all}
          {webhook.analyses_of_jobs && `; ${w.ofJobs.toLowerCase()}`}
        </dd>
        <dt>{w.made}</dt><dd><When at={webhook.created_at} /></dd>
      </dl>
      <WebhookLog webhook={webhook} isThere={isThere} />
      {open === "edit" && <WebhookForm webhook={webhook} onClose={() => setOpen(null)} />}
      <Dialog open={Boolean(rotate.data)} onClose={() => rotate.reset()} title={w.secret} wide>
        {rotate.data && <ShownSecret made={rotate.data} onClose={() => rotate.reset()} />}
      </Dialog>
      <Confirm open={open === "rotate"} onClose={() => setOpen(null)} title={w.rotateAsk} text={w.rotateText} go={w.rotateGo} busy={rotate.isPending} onGo={() => rotate.mutate()} />
      <Confirm open={open === "remove"} onClose={() => setOpen(null)} title={w.removeAsk} text={w.removeText} go={w.remove} busy={remove.isPending} onGo={() => remove.mutate()} />
    </div>
  )
}
