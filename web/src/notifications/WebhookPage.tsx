/** One webhook: its events, its state, and the log of its deliveries. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, KeyRound, Pencil, Power, Send, Trash2 } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import { paths } from "../paths"
import { isOwner, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { DeliveryLog } from "./DeliveryLog"
import { CreatedSecret, WebhookForm } from "./WebhookForm"
import { WebhookTag } from "./WebhookTag"
import "./webhooks.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { NotFound } from "../errors/NotFound"
import { formatInSentence, uiTexts } from "../ui/en"
import { webhookTexts } from "./en"
import { formatEventType } from "./eventTypes"
import { webhookQuery } from "./queries"

export function WebhookPage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [open, setOpen] = useState<"edit" | "rotate" | "remove" | null>(null)
  const t = webhookTexts
  const params = { params: { path: { webhook_id: id } } }
  const remove = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v2/webhooks/{webhook_id}", params)),
    onSuccess: () => {
      showToast(t.removed)
      go(paths.webhooks(project.id))
      void client.invalidateQueries({ queryKey: ["webhook", project.id, "list"] })
    },
  })
  // A webhook that is being deleted is not fetched again: it may no longer exist.
  const isThere = !remove.isPending && !remove.isSuccess
  const {
    data: webhook,
    error,
    refetch,
  } = useQuery({
    ...webhookQuery(project.id, id),
    enabled: isThere,
    refetchInterval: (query) => (query.state.data?.waiting ? 2_000 : 10_000),
  })
  const refresh = () => client.invalidateQueries({ queryKey: ["webhook", project.id] })
  const test = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v2/webhooks/{webhook_id}/test", params)),
    onSuccess: (done) =>
      showToast(
        done.state === "delivered"
          ? t.arrived(done.duration_ms ?? 0)
          : t.notArrived(done.last_error ?? ""),
      ),
    onSettled: refresh,
  })
  const toggle = useMutation({
    mutationFn: (active: boolean) =>
      unwrap(
        api.PATCH("/api/v2/webhooks/{webhook_id}", { ...params, body: { is_active: active } }),
      ),
    onSuccess: (_, active) => showToast(active ? t.switchedOn : t.switchedOff),
    onSettled: refresh,
  })
  const rotate = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v2/webhooks/{webhook_id}/rotate-secret", params)),
    onSettled: () => setOpen(null),
  })
  const title = webhook?.name || webhook?.url
  useEffect(() => {
    if (title) document.title = `${title} · ${project.name}`
  }, [title, project.name])
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!webhook) return <SkeletonRows rows={6} />
  return (
    <div className="narrow">
      <Link href={paths.webhooks(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1 className="webhook-title">{title}</h1>
        <WebhookTag webhook={webhook} />
        <div className="actions">
          <Button
            kind="accent"
            icon={<Send size={15} aria-hidden />}
            busy={test.isPending}
            onClick={() => test.mutate()}
          >
            {t.test}
          </Button>
          <Button
            icon={<Power size={15} aria-hidden />}
            busy={toggle.isPending}
            onClick={() => toggle.mutate(!webhook.is_active)}
          >
            {webhook.is_active ? t.switchOff : t.switchOn}
          </Button>
          <Button icon={<Pencil size={15} aria-hidden />} onClick={() => setOpen("edit")}>
            {uiTexts.edit}
          </Button>
          {isOwner(project) && (
            <Button icon={<KeyRound size={15} aria-hidden />} onClick={() => setOpen("rotate")}>
              {t.rotate}
            </Button>
          )}
          <Button
            kind="danger"
            icon={<Trash2 size={15} aria-hidden />}
            onClick={() => setOpen("remove")}
            aria-label={t.remove}
            title={t.remove}
          />
        </div>
      </div>
      {!webhook.is_active && (
        <p className="note">
          {webhook.disabled_reason ? `${t.disabled} ${webhook.disabled_reason}.` : t.offText}
        </p>
      )}
      <dl className="facts">
        <dt>{t.url}</dt>
        <dd>{webhook.url}</dd>
        <dt>{t.events}</dt>
        <dd>
          {webhook.event_types.length > 0
            ? webhook.event_types.map(formatEventType).join(", ")
            : t.all}
          {webhook.analyses_of_jobs && `; ${formatInSentence(t.ofJobs)}`}
        </dd>
        <dt>{t.made}</dt>
        <dd>
          <Timestamp at={webhook.created_at} />
        </dd>
      </dl>
      <DeliveryLog webhook={webhook} isThere={isThere} />
      {open === "edit" && <WebhookForm webhook={webhook} onClose={() => setOpen(null)} />}
      <Dialog open={Boolean(rotate.data)} onClose={() => rotate.reset()} title={t.secret} wide>
        {rotate.data && <CreatedSecret made={rotate.data} onClose={() => rotate.reset()} />}
      </Dialog>
      <Confirm
        open={open === "rotate"}
        onClose={() => setOpen(null)}
        title={t.rotateAsk}
        text={t.rotateText}
        go={t.rotateGo}
        busy={rotate.isPending}
        onGo={() => rotate.mutate()}
      />
      <Confirm
        open={open === "remove"}
        onClose={() => setOpen(null)}
        title={t.removeAsk}
        text={t.removeText}
        go={t.remove}
        busy={remove.isPending}
        onGo={() => remove.mutate()}
      />
    </div>
  )
}
