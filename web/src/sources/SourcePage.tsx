/** One source: how it is, its runs, its files by state. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Pause, Pencil, Play, RefreshCw, Trash2 } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { answer, api } from "../api/client"
import { ApiProblem } from "../api/problems"
import { askSource } from "../api/queries"
import type { Source } from "../api/types"
import { mayManage, useProject } from "../projects/project"
import { PushedEvents } from "./PushedEvents"
import { SourceFiles } from "./SourceFiles"
import { SourceForm } from "./SourceForm"
import { SourceRuns } from "./SourceRuns"
import { HealthTag, isUnhealthy } from "../queue/states"
import { paths, withSearch } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SkeletonRows, Trouble } from "../ui/Notice"
import "./sources.css"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { sourceWords } from "./en"
import { NotFound } from "../errors/NotFound"

export function SourcePage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: source, error, refetch } = useQuery(askSource(project.id, id))
  const [open, setOpen] = useState<"edit" | "remove" | null>(null)
  const w = sourceWords
  const params = { params: { path: { source_id: id } } }
  const refresh = () => client.invalidateQueries({ queryKey: ["source", project.id] })
  const run = useMutation({
    mutationFn: () => answer(api.POST("/image-pull-sources/{source_id}/process", params)),
    onSuccess: () => toast(w.running),
    onSettled: refresh,
  })
  const toggle = useMutation({
    mutationFn: (active: boolean) =>
      answer(api.PATCH("/image-pull-sources/{source_id}/toggle", { params: { ...params.params, query: { is_active: active } } })),
    onSuccess: (_, active) => toast(active ? w.resumed : w.paused),
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/image-pull-sources/{source_id}", params)),
    onSuccess: () => {
      toast(w.removed)
      go(paths.sources(project.id))
      void client.invalidateQueries({ queryKey: ["source", project.id, "list"] })
    },
  })
  useEffect(() => {
    if (source) document.title = `${source.name} · ${project.name}`
  }, [source, project.name])
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error) return <Trouble error={error} retry={() => void refetch()} />
  if (!source) return <SkeletonRows rows={6} />
  const goesOn = source.last_run?.state === "running"
  return (
    <div className="narrow">
      <Link href={paths.sources(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{w.title}</Link>
      <div className="page-head">
        <h1>{source.name}</h1>
        <HealthTag health={source.health} />
        {mayManage(project) && (
          <div className="actions">
            <Button kind="accent" icon={<RefreshCw size={15} aria-hidden />} busy={run.isPending} disabled={goesOn} onClick={() => run.mutate()}>{w.run}</Button>
            <Button icon={source.is_active ? <Pause size={15} aria-hidden /> : <Play size={15} aria-hidden />} busy={toggle.isPending} onClick={() => toggle.mutate(!source.is_active)}>
              {source.is_active ? w.pause : w.resume}
            </Button>
            <Button icon={<Pencil size={15} aria-hidden />} onClick={() => setOpen("edit")}>{words.common.edit}</Button>
            <Button kind="danger" icon={<Trash2 size={15} aria-hidden />} onClick={() => setOpen("remove")} aria-label={w.remove} title={w.remove} />
          </div>
        )}
      </div>
      {goesOn && source.last_run && (
        <p className="note note-good source-now" role="status">
          <span>{w.goesOn(source.last_run.listed, source.last_run.imported + source.last_run.duplicate)}</span><span className="soft small">{w.leave}</span>
        </p>
      )}
      {isUnhealthy(source.health) && (
        <div className="source-sick"><p className="sentence">{source.health_detail}</p>{source.health === "failing" && <p className="soft small">{w.sick}</p>}</div>
      )}
      {!isUnhealthy(source.health) && source.health_detail && <p className="soft" style={{ marginBottom: 14 }}>{source.health_detail}</p>}
      <Facts source={source} />
      <SourceRuns source={source} />
      <SourceFiles source={source} />
      {mayManage(project) && source.gateway !== "rest" && <PushedEvents source={source} />}
      <Dialog open={open === "edit"} onClose={() => setOpen(null)} title={w.edit} wide>
        <SourceForm source={source} onDone={() => setOpen(null)} />
      </Dialog>
      <Confirm open={open === "remove"} onClose={() => setOpen(null)} title={w.removeAsk} text={w.removeText} go={w.remove} busy={remove.isPending} onGo={() => remove.mutate()} />
    </div>
  )
}

function Facts({ source }: { source: Source }) {
  const project = useProject()
  const w = sourceWords
  const signsIn = source.auth_type !== "none" || source.secret_options.length > 0
  return (
    <dl className="facts">
      <dt>{w.url}</dt><dd>{source.base_url} <span className="faint">({w.kinds[source.gateway] ?? source.gateway})</span></dd>
      <dt>{w.signIn}</dt>
      <dd>
        {source.auth_type !== "none" && w.auths[source.auth_type]}{source.auth_username && ` ${w.signedInAs(source.auth_username)}`}
        {source.secret_options.length > 0 && `${source.auth_type !== "none" ? ", " : ""}${w.key}`}
        {!signsIn && <span className="soft">{w.noSignIn}</span>}
      </dd>
      <dt>{w.deployment}</dt><dd><Link href={withSearch(paths.images(project.id), { deployment: source.location_id })}>{source.deployment_name}</Link></dd>
      <dt>{w.schedule}</dt><dd>{source.schedule_in_words} <span className="faint">({source.time_zone})</span></dd>
      <dt>{w.order}</dt><dd>{w.orders[source.order] ?? source.order}</dd>
      <dt>{w.nextRun}</dt><dd>{source.next_run ? <When at={source.next_run} zone={source.time_zone} /> : w.notPlanned}</dd>
      <dt>{w.lastRun}</dt><dd><When at={source.last_run?.started_at} zone={source.time_zone} /></dd>
    </dl>
  )
}
