/** One source: how it is, its runs, its files by state. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Pause, Pencil, Play, RefreshCw, Trash2 } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { ApiProblem } from "../api/problems"
import { answer, api } from "../api/client"
import { askFiles, askRuns, askSource } from "../api/queries"
import type { FileState, Source } from "../api/types"
import { mayManage, useProject } from "../components/project"
import { useSearch } from "../components/search"
import { SourceForm } from "../components/SourceForm"
import { FileTag, HealthTag, RunTag } from "../components/states"
import { paths, withSearch } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { bytes, duration, When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../words/en"
import { NotFound } from "./NotFound"

const STATES: FileState[] = ["quarantined", "failed", "seen", "imported", "duplicate", "skipped"]

export function SourcePage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: source, error, refetch } = useQuery(askSource(project.id, id))
  const [open, setOpen] = useState<"edit" | "remove" | null>(null)
  const w = words.source
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
  return (
    <div className="narrow">
      <Link href={paths.sources(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{w.title}</Link>
      <div className="page-head">
        <h1>{source.name}</h1>
        <HealthTag health={source.health} />
        {mayManage(project) && (
          <div className="actions">
            <Button kind="accent" icon={<RefreshCw size={15} aria-hidden />} busy={run.isPending} onClick={() => run.mutate()}>{w.run}</Button>
            <Button icon={source.is_active ? <Pause size={15} aria-hidden /> : <Play size={15} aria-hidden />} busy={toggle.isPending} onClick={() => toggle.mutate(!source.is_active)}>
              {source.is_active ? w.pause : w.resume}
            </Button>
            <Button icon={<Pencil size={15} aria-hidden />} onClick={() => setOpen("edit")}>{words.common.edit}</Button>
            <Button kind="danger" icon={<Trash2 size={15} aria-hidden />} onClick={() => setOpen("remove")} aria-label={w.remove} title={w.remove} />
          </div>
        )}
      </div>
      {source.health_detail && <p className={source.health === "failing" ? "trouble" : "soft"} style={{ marginBottom: 14 }}>{source.health_detail}</p>}
      <dl className="facts">
        <dt>{w.url}</dt><dd>{source.base_url}</dd>
        <dt>{w.deployment}</dt><dd><Link href={withSearch(paths.images(project.id), { deployment: source.location_id })}>{source.deployment_name}</Link></dd>
        <dt>{w.schedule}</dt><dd>{source.schedule_in_words} <span className="faint">({source.time_zone})</span></dd>
        <dt>{w.nextRun}</dt><dd>{source.next_run ? <When at={source.next_run} zone={source.time_zone} /> : w.notPlanned}</dd>
        <dt>{w.lastRun}</dt><dd><When at={source.last_run?.started_at} zone={source.time_zone} /></dd>
      </dl>
      <Runs source={source} />
      <Files source={source} />
      <Dialog open={open === "edit"} onClose={() => setOpen(null)} title={w.edit} wide>
        <SourceForm source={source} onDone={() => setOpen(null)} />
      </Dialog>
      <Confirm open={open === "remove"} onClose={() => setOpen(null)} title={w.removeAsk} text={w.removeText} go={w.remove} busy={remove.isPending} onGo={() => remove.mutate()} />
    </div>
  )
}

function Runs({ source }: { source: Source }) {
  const { data, error } = useQuery(askRuns(source.project_id, source.id))
  const w = words.source
  return (
    <section className="section">
      <h2>{w.runs}</h2>
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.results.length === 0 && <p className="soft">{w.noRuns}</p>}
      {data && data.results.length > 0 && (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th>{w.begun}</th><th>{w.state}</th><th className="number">{w.listed}</th><th className="number">{w.new}</th><th className="number">{w.imported}</th>
                <th className="number">{w.duplicate}</th><th className="number">{w.skipped}</th><th className="number">{w.failed}</th><th className="number">{w.took}</th>
              </tr>
            </thead>
            <tbody>
              {data.results.map((run) => (
                <tr key={run.id}>
                  <td><When at={run.started_at} zone={source.time_zone} /></td>
                  <td>
                    <RunTag state={run.state} />
                    {run.error && <p className="small red">{run.error}</p>}
                    {run.remaining > 0 && <p className="small soft">{w.remaining(run.remaining)}</p>}
                  </td>
                  {[run.listed, run.new, run.imported, run.duplicate, run.skipped, run.failed].map((count, at) => (
                    <td key={at} className={count === 0 ? "number faint" : at === 5 ? "number red" : "number"}>{words.count(count)}</td>
                  ))}
                  <td className="number nowrap">{duration(run.seconds)}<div className="small faint">{bytes(run.bytes)}</div></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function Files({ source }: { source: Source }) {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useSearch()
  const state = STATES.find((one) => one === search.get("state"))
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askFiles(source.project_id, source.id, state))
  const files = data?.pages.flatMap((page) => page.results) ?? []
  const w = words.source
  const retry = useMutation({
    mutationFn: () => answer(api.POST("/image-pull-sources/{source_id}/files/retry", { params: { path: { source_id: source.id } } })),
    onSuccess: () => {
      toast(w.retried)
      void client.invalidateQueries({ queryKey: ["source", project.id] })
    },
  })
  return (
    <section className="section">
      <div className="section-head">
        <h2>{w.files}</h2>
        {mayManage(project) && (source.counts.quarantined ?? 0) > 0 && <Button small busy={retry.isPending} onClick={() => retry.mutate()}>{w.retryFiles}</Button>}
      </div>
      <div className="tabs">
        {[undefined, ...STATES].map((one) => (
          <button key={one ?? "all"} type="button" className="tab" aria-pressed={one === state} onClick={() => setSearch((next) => (one ? next.set("state", one) : next.delete("state")), { replace: true })}>
            {one ? w.states[one] : words.common.all}
            {one && <span className="faint"> {words.count(source.counts[one] ?? 0)}</span>}
          </button>
        ))}
      </div>
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && files.length === 0 && <p className="soft">{w.noFiles}</p>}
      {files.length > 0 && (
        <div className="table-scroll">
          <table className="table">
            <thead><tr><th>{w.file}</th><th>{w.state}</th><th className="number">{words.viewer.size}</th><th>{w.why}</th></tr></thead>
            <tbody>
              {files.map((file) => (
                <tr key={file.path}>
                  <td style={{ overflowWrap: "anywhere" }}>{file.image_id ? <Link className="name" href={paths.image(project.id, file.image_id)}>{file.path}</Link> : file.path}</td>
                  <td><FileTag state={file.state} /></td>
                  <td className="number nowrap">{file.size === null ? "" : bytes(file.size)}</td>
                  <td className="soft small">{file.error}{file.next_attempt_at && <div>{w.nextRun}: <When at={file.next_attempt_at} zone={source.time_zone} /></div>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
    </section>
  )
}
