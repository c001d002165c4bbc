/** One source: its health, runs, and files by state. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Pause, Pencil, Play, RefreshCw, Trash2 } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Source } from "../api/types"
import { paths, withSearch } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SkeletonRows } from "../ui/feedback"
import { PushedEvents } from "./PushedEvents"
import { SourceFiles } from "./SourceFiles"
import { SourceForm } from "./SourceForm"
import { SourceRuns } from "./SourceRuns"
import "./sources.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { NotFound } from "../errors/NotFound"
import { uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { formatSchedule, sourceTexts, translateGateway } from "./en"
import { gatewaysQuery, sourceQuery } from "./queries"
import { HealthTag, isUnhealthy } from "./statusTags"

export function SourcePage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: source, error, refetch } = useQuery(sourceQuery(project.id, id))
  const { data: gateways } = useQuery(gatewaysQuery)
  const acceptsEvents = gateways?.some((one) => one.name === source?.gateway && one.accepts_events)
  const [open, setOpen] = useState<"edit" | "remove" | null>(null)
  const t = sourceTexts
  const params = { params: { path: { source_id: id } } }
  const refresh = () => client.invalidateQueries({ queryKey: ["source", project.id] })
  const run = useMutation({
    mutationFn: () => unwrap(api.POST("/image-pull-sources/{source_id}/process", params)),
    onSuccess: () => showToast(t.running),
    onSettled: refresh,
  })
  const toggle = useMutation({
    mutationFn: (active: boolean) =>
      unwrap(
        api.PATCH("/image-pull-sources/{source_id}/toggle", {
          params: { ...params.params, query: { is_active: active } },
        }),
      ),
    onSuccess: (_, active) => showToast(active ? t.resumed : t.paused),
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: () => unwrap(api.DELETE("/image-pull-sources/{source_id}", params)),
    onSuccess: () => {
      showToast(t.removed)
      go(paths.sources(project.id))
      void client.invalidateQueries({ queryKey: ["source", project.id, "list"] })
    },
  })
  useEffect(() => {
    if (source) document.title = `${source.name} · ${project.name}`
  }, [source, project.name])
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!source) return <SkeletonRows rows={6} />
  const goesOn = source.last_run?.state === "running"
  return (
    <div className="narrow">
      <Link href={paths.sources(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1>{source.name}</h1>
        <HealthTag health={source.health} />
        {canManage(project) && (
          <div className="actions">
            <Button
              kind="accent"
              icon={<RefreshCw size={15} aria-hidden />}
              busy={run.isPending}
              disabled={goesOn}
              onClick={() => run.mutate()}
            >
              {t.run}
            </Button>
            <Button
              icon={
                source.is_active ? <Pause size={15} aria-hidden /> : <Play size={15} aria-hidden />
              }
              busy={toggle.isPending}
              onClick={() => toggle.mutate(!source.is_active)}
            >
              {source.is_active ? t.pause : t.resume}
            </Button>
            <Button icon={<Pencil size={15} aria-hidden />} onClick={() => setOpen("edit")}>
              {uiTexts.edit}
            </Button>
            <Button
              kind="danger"
              icon={<Trash2 size={15} aria-hidden />}
              onClick={() => setOpen("remove")}
              aria-label={t.remove}
              title={t.remove}
            />
          </div>
        )}
      </div>
      {goesOn && source.last_run && (
        <p className="note note-good source-status" role="status">
          <span>
            {t.goesOn(source.last_run.listed, source.last_run.imported + source.last_run.duplicate)}
          </span>
          <span className="soft small">{t.leave}</span>
        </p>
      )}
      {isUnhealthy(source.health) && (
        <div className="source-failure">
          <p className="sentence" lang="en">
            {source.health_detail}
          </p>
          {source.health === "failing" && <p className="soft small">{t.sick}</p>}
        </div>
      )}
      {!isUnhealthy(source.health) && source.health_detail && (
        <p className="soft" style={{ marginBottom: 14 }} lang="en">
          {source.health_detail}
        </p>
      )}
      <SourceDetails source={source} />
      <SourceRuns source={source} />
      <SourceFiles source={source} />
      {canManage(project) && acceptsEvents && <PushedEvents source={source} />}
      <Dialog open={open === "edit"} onClose={() => setOpen(null)} title={t.edit} wide>
        <SourceForm source={source} onDone={() => setOpen(null)} />
      </Dialog>
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

function SourceDetails({ source }: { source: Source }) {
  const project = useProject()
  const { data: gateways } = useQuery(gatewaysQuery)
  const gateway = gateways?.find((one) => one.name === source.gateway)
  const t = sourceTexts
  const signsIn = source.auth_type !== "none" || source.secret_options.length > 0
  return (
    <dl className="facts">
      <dt>{t.url}</dt>
      <dd>
        {source.base_url}{" "}
        <span className="faint">
          ({translateGateway(source.gateway, gateway?.title ?? source.gateway)})
        </span>
      </dd>
      <dt>{t.signIn}</dt>
      <dd>
        {source.auth_type !== "none" && t.auths[source.auth_type]}
        {source.auth_username && ` ${t.signedInAs(source.auth_username)}`}
        {source.secret_options.length > 0 && `${source.auth_type !== "none" ? ", " : ""}${t.key}`}
        {!signsIn && <span className="soft">{t.noSignIn}</span>}
      </dd>
      <dt>{t.deployment}</dt>
      <dd>
        <Link href={withSearch(paths.images(project.id), { deployment: source.location_id })}>
          {source.deployment_name}
        </Link>
      </dd>
      <dt>{t.schedule}</dt>
      <dd>
        {formatSchedule(source.schedule, source.schedule_in_words)}{" "}
        <span className="faint">({source.time_zone})</span>
      </dd>
      <dt>{t.order}</dt>
      <dd>{t.orders[source.order] ?? source.order}</dd>
      <dt>{t.nextRun}</dt>
      <dd>
        {source.next_run ? (
          <Timestamp at={source.next_run} zone={source.time_zone} />
        ) : (
          t.notPlanned
        )}
      </dd>
      <dt>{t.lastRun}</dt>
      <dd>
        <Timestamp at={source.last_run?.started_at} zone={source.time_zone} />
      </dd>
    </dl>
  )
}
