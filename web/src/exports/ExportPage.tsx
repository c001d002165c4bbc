/** One export: how far it is, what is wrong with it in plain words, and its file. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Download, RotateCcw, Trash2, X } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askExport, isLive } from "./queries"
import { ApiProblem } from "../api/problems"
import { askDeployments } from "../api/queries"
import type { Export } from "../api/types"
import { ExportFound } from "./ExportFound"
import { fromSelection, saySelection } from "./exportSelection"
import { ExportProgress, ExportTag } from "./ExportState"
import { mayManage, useProject } from "../projects/project"
import { paths, withSearch } from "../paths"
import { Button } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import "../imports/exchange.css"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { bytes, day, duration, When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { exportWords as w } from "./en"
import { NotFound } from "../errors/NotFound"

export function ExportPage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: one, error, refetch } = useQuery(askExport(project.id, id))
  const [removing, setRemoving] = useState(false)
  const params = { params: { path: { export_id: id } } }
  const name = one && w.formats[one.format][0]
  useEffect(() => {
    if (name) document.title = `${name} · ${w.title} · ${project.name}`
  }, [name, project.name])
  const cancel = useMutation({
    mutationFn: () => answer(api.POST("/api/v2/exports/{export_id}/cancel", params)),
    onSuccess: () => toast(w.canceled),
    onSettled: () => client.invalidateQueries({ queryKey: ["export", project.id] }),
  })
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v2/exports/{export_id}", params)),
    onSuccess: () => {
      toast(w.removed)
      go(paths.exports(project.id))
      void client.invalidateQueries({ queryKey: ["export", project.id, "list"] })
    },
  })
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error && !one) return <Trouble error={error} retry={() => void refetch()} />
  if (!one) return <SkeletonRows rows={6} />
  const may = mayManage(project)
  const again = () => {
    const { filter, unseen } = fromSelection(one.selection)
    go(withSearch(paths.newExport(project.id), { format: one.format, ...filter }), { state: { unseen, options: one.options } })
  }
  const live = isLive(one)
  return (
    <div className="narrow">
      <Link href={paths.exports(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{w.title}</Link>
      <div className="page-head">
        <h1>{name}</h1>
        <ExportTag one={one} />
        {may && (
          <div className="actions">
            {one.state === "ready" && <a className="button button-accent" href={`/api/v2/exports/${id}/download`} download><Download size={15} aria-hidden />{w.download}</a>}
            {live && <Button icon={<X size={15} aria-hidden />} busy={cancel.isPending} onClick={() => cancel.mutate()}>{w.cancel}</Button>}
            {!live && <Button icon={<RotateCcw size={15} aria-hidden />} kind={one.state === "ready" ? "plain" : "accent"} onClick={again}>{w.again}</Button>}
            <Button kind="danger" icon={<Trash2 size={15} aria-hidden />} onClick={() => setRemoving(true)} aria-label={w.removeOne(one.filename)} title={w.remove} />
          </div>
        )}
      </div>
      <div className="exchange-now" data-testid="export-now">
        <ExportProgress one={one} />
        {live && <p className="soft">{w.leave}</p>}
        <Outcome one={one} name={name ?? ""} />
      </div>
      <ExportFound title={w.problems} found={one.problems} />
      <About one={one} />
      <ExportFound title={w.leftOut} text={w.leftOutText} found={one.left_out} />
      <ExportFound title={w.fixed} text={w.fixedText} found={one.fixed} />
      <Confirm open={removing} onClose={() => setRemoving(false)} title={w.removeAsk} text={w.removeText} go={w.removeGo} busy={remove.isPending} onGo={() => remove.mutate()} />
    </div>
  )
}

/** What became of it, where that is not simply its file. */
function Outcome({ one, name }: { one: Export; name: string }) {
  if (one.state === "invalid") return <p className="note" role="status">{w.invalid(name)}</p>
  if (one.state === "failed") return <div className="trouble" role="status"><div><p>{w.failed} {one.error}</p></div></div>
  if (one.state === "canceled") return <p className="note">{w.wasCanceled}</p>
  if (one.state === "expired") return <p className="note">{w.expired}</p>
  return one.deleted_since > 0 ? <p className="note">{w.deletedSince(one.deleted_since)}</p> : null
}

function About({ one }: { one: Export }) {
  const project = useProject()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const took = one.started_at && one.finished_at ? (new Date(one.finished_at).getTime() - new Date(one.started_at).getTime()) / 1000 : null
  const options = sayOptions(one.options)
  return (
    <section className="section" aria-label={w.about}>
      <h2>{w.about}</h2>
      <dl className="facts">
        {one.size_bytes !== null && one.state === "ready" && <><dt>{w.file}</dt><dd>{one.filename}, {bytes(one.size_bytes)}</dd></>}
        <dt>{w.what}</dt><dd>{saySelection(one.selection, deployments?.results, one.named_images)}</dd>
        {!isLive(one) && one.images > 0 && <><dt>{w.holds}</dt><dd>{w.images(one.images)}, {w.findings(one.annotations)}{one.written !== null && `, ${w.rows(one.written)}`}</dd></>}
        {options.map(([label, value]) => <Fact key={label} label={label} value={value} />)}
        <dt>{w.asked}</dt><dd>{one.requested_by}, <When at={one.created_at} /></dd>
        {took !== null && <><dt>{w.took}</dt><dd>{duration(took)}</dd></>}
        {one.expires_at && one.state === "ready" && <><dt>{w.kept}</dt><dd>{day(one.expires_at)}</dd></>}
        {one.sha256 && one.state === "ready" && <><dt>{w.checksum}</dt><dd><code className="small">{one.sha256}</code></dd></>}
      </dl>
    </section>
  )
}

const Fact = ({ label, value }: { label: string; value: string }) => <><dt>{label}</dt><dd>{value}</dd></>

function sayOptions(options: Export["options"]): [string, string][] {
  const { confidence_min, with_pictures, title, description, data_licence, media_licence, sampling_design, contributors } = options
  const said: [string, string | null | undefined | false | 0][] = [
    [w.confidence, confidence_min && `${Math.round(100 * confidence_min)} %`], [w.withPictures, with_pictures && words.common.yes], [w.optionTitle, title], [w.description, description],
    [w.dataLicence, data_licence], [w.mediaLicence, media_licence], [w.design, sampling_design && w.designs[sampling_design]],
    [w.contributors, contributors?.map((one) => `${one.title} (${w.roles[one.role] ?? one.role})`).join(", ")],
  ]
  return said.filter((one): one is [string, string] => Boolean(one[1]))
}
