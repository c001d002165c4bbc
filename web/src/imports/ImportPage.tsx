/** One import: how far it is, what became of its entries, and what could not be taken, each with its place. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Trash2, X } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askFaults, askImport, isReading } from "./queries"
import { ApiProblem } from "../api/problems"
import { askDeployments } from "../api/queries"
import type { Import } from "../api/types"
import { ImportFolders } from "./ImportFolders"
import { ImportProgress, ImportTag, sayOutcome } from "./ImportState"
import { mayManage, useProject } from "../projects/project"
import { paths, withSearch } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import "./exchange.css"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { bytes, duration, When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { exportWords } from "../exports/en"
import { importWords as w } from "./en"
import { NotFound } from "../errors/NotFound"

/** So many faults the server keeps; it counts them all. */
const MOST_KEPT = 10_000

export function ImportPage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: one, error, refetch } = useQuery(askImport(project.id, id))
  const [removing, setRemoving] = useState(false)
  const params = { params: { path: { import_id: id } } }
  const name = one?.filename
  useEffect(() => {
    if (name) document.title = `${name} · ${w.title} · ${project.name}`
  }, [name, project.name])
  const cancel = useMutation({
    mutationFn: () => answer(api.POST("/api/v2/imports/{import_id}/cancel", params)),
    onSuccess: () => toast(w.canceled),
    onSettled: () => client.invalidateQueries({ queryKey: ["import", project.id] }),
  })
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v2/imports/{import_id}", params)),
    onSuccess: () => {
      toast(w.removed)
      go(paths.imports(project.id))
      void client.invalidateQueries({ queryKey: ["import", project.id, "list"] })
    },
  })
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error && !one) return <Trouble error={error} retry={() => void refetch()} />
  if (!one) return <SkeletonRows rows={6} />
  const live = isReading(one)
  const outcome = sayOutcome(one)
  return (
    <div className="narrow">
      <Link href={paths.imports(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{w.title}</Link>
      <div className="page-head">
        <h1 className="exchange-title">{one.filename}</h1>
        <ImportTag one={one} />
        <div className="actions">
          {one.stored > 0 && <LinkButton href={withSearch(paths.images(project.id), { deployment: one.deployment_id })}>{w.seeImages}</LinkButton>}
          {mayManage(project) && (
            <>
              {live && <Button icon={<X size={15} aria-hidden />} busy={cancel.isPending} onClick={() => cancel.mutate()}>{w.cancel}</Button>}
              <Button kind="danger" icon={<Trash2 size={15} aria-hidden />} onClick={() => setRemoving(true)} aria-label={w.removeOne(one.filename)} title={w.remove} />
            </>
          )}
        </div>
      </div>
      <div className="exchange-now" data-testid="import-now">
        <ImportProgress one={one} />
        {live && <p className="soft">{w.leave}</p>}
        {one.state === "failed" && <div className="trouble" role="status"><div><p>{w.failed} {one.error}</p></div></div>}
        {outcome && <p className={one.faults > 0 || one.state === "canceled" ? "note" : "note note-good"} role="status">{outcome} {one.state === "completed" && one.faults > 0 && w.same}</p>}
      </div>
      <Counts one={one} />
      {!live && one.unknown + one.ambiguous > 0 && <ImportFolders one={one} />}
      {one.faults > 0 && <Faults one={one} />}
      <About one={one} />
      <Confirm open={removing} onClose={() => setRemoving(false)} title={w.removeAsk} text={w.removeText} go={w.removeGo} busy={remove.isPending} onGo={() => remove.mutate()} />
    </div>
  )
}

function Counts({ one }: { one: Import }) {
  const wrong = one.faults - one.unknown - one.ambiguous
  const sums: [number, string, string?][] = [
    [one.stored, w.stored], [one.annotations, w.annotations], [one.identifications, w.identifications], [one.deployments, w.deployments], [one.unchanged, w.unchanged],
    [one.model_failures, w.modelFailures], [one.left_out, w.leftOut], [one.unknown, w.unknown, w.hint.unknown], [one.ambiguous, w.ambiguous, w.hint.ambiguous], [wrong, w.wrong],
  ]
  const shown = sums.filter(([count]) => count > 0)
  if (shown.length === 0) return null
  return (
    <section className="section" aria-label={w.counts}>
      <h2>{w.counts}</h2>
      <dl className="fault-sums">
        {shown.map(([count, text, hint]) => (
          <div key={text} className="fault-sum"><dt>{words.count(count)}</dt><dd>{text}{hint && <div className="small soft">{hint}</div>}</dd></div>
        ))}
      </dl>
    </section>
  )
}

function Faults({ one }: { one: Import }) {
  const project = useProject()
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askFaults(project.id, one.id, one.faults))
  const faults = data?.pages.flatMap((page) => page.results) ?? []
  return (
    <section className="section" aria-label={w.faults}>
      <h2>{w.faults} <span className="faint">{words.count(one.faults)}</span></h2>
      {one.faults > MOST_KEPT && <p className="soft">{w.cut(MOST_KEPT)}</p>}
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      <div className="table-scroll">
        {faults.length > 0 && (
          <table className="table keys-table" data-testid="faults">
            <thead><tr><th>{w.place}</th><th>{w.image}</th><th>{w.why}</th></tr></thead>
            <tbody>
              {faults.map((fault) => (
                <tr key={fault.number} data-kind={fault.kind}>
                  <td data-label={w.place}><code>{fault.place}</code></td>
                  <td data-label={fault.file ? w.image : undefined}>{fault.file}</td>
                  <td>{fault.message} <span className="faint nowrap">{w.kinds[fault.kind]}</span></td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
    </section>
  )
}

function About({ one }: { one: Import }) {
  const project = useProject()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const { model_name, model_version, confidence_min, nothing_is_blank } = one.options
  const took = one.started_at && one.ended_at ? (new Date(one.ended_at).getTime() - new Date(one.started_at).getTime()) / 1000 : null
  const facts: [string, string | null | undefined | false][] = [
    [w.format, w.formats[one.format][0]], [w.size, bytes(one.size_bytes)],
    [w.of, one.deployment_id ? deployments?.results.find((place) => place.id === one.deployment_id)?.name ?? exportWords.gone : w.everywhere],
    [w.modelName, [model_name, model_version].filter(Boolean).join(" ")], [w.confidence, confidence_min > 0 && `${Math.round(100 * confidence_min)} %`],
    [w.nothingIsBlank, nothing_is_blank && words.common.yes], [w.took, took !== null && duration(took)],
  ]
  return (
    <section className="section" aria-label={w.about}>
      <h2>{w.about}</h2>
      <dl className="facts">
        {facts.flatMap(([label, value]) => (value ? [<Fact key={label} label={label} value={value} />] : []))}
        <dt>{w.asked}</dt><dd><When at={one.created_at} /></dd>
        <dt>{exportWords.checksum}</dt><dd><code className="small">{one.sha256}</code></dd>
      </dl>
    </section>
  )
}

const Fact = ({ label, value }: { label: string; value: string }) => <><dt>{label}</dt><dd>{value}</dd></>
