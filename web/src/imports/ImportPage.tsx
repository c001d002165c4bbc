/** One import: progress, results, and the entries that could not be imported. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, Trash2, X } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Import } from "../api/types"
import { paths, withSearch } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { MoreButton } from "../ui/MoreButton"
import { ImportFolders } from "./ImportFolders"
import { formatOutcome, ImportProgress, ImportTag } from "./ImportState"
import { importProblemsQuery, importQuery, isRunning } from "./queries"
import "./exchange.css"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { NotFound } from "../errors/NotFound"
import { formatCount, uiTexts } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { formatBytes, formatDuration, Timestamp } from "../ui/time"
import { exchangeTexts, importTexts as t } from "./en"

/** Maximum number of problems that the server lists; all are counted. */
const MAX_LISTED = 10_000

export function ImportPage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: one, error, refetch } = useQuery(importQuery(project.id, id))
  const [removing, setRemoving] = useState(false)
  const params = { params: { path: { import_id: id } } }
  const name = one?.filename
  useEffect(() => {
    if (name) document.title = `${name} · ${t.title} · ${project.name}`
  }, [name, project.name])
  const cancel = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v2/imports/{import_id}/cancel", params)),
    onSuccess: () => showToast(t.canceled),
    onSettled: () => client.invalidateQueries({ queryKey: ["import", project.id] }),
  })
  const remove = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v2/imports/{import_id}", params)),
    onSuccess: () => {
      showToast(t.removed)
      go(paths.imports(project.id))
      void client.invalidateQueries({ queryKey: ["import", project.id, "list"] })
    },
  })
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error && !one) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!one) return <SkeletonRows rows={6} />
  const live = isRunning(one)
  const outcome = formatOutcome(one)
  return (
    <div className="narrow">
      <Link href={paths.imports(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1 className="exchange-title">{one.filename}</h1>
        <ImportTag one={one} />
        <div className="actions">
          {one.stored > 0 && (
            <LinkButton
              href={withSearch(paths.images(project.id), { deployment: one.deployment_id })}
            >
              {t.seeImages}
            </LinkButton>
          )}
          {canManage(project) && (
            <>
              {live && (
                <Button
                  icon={<X size={15} aria-hidden />}
                  busy={cancel.isPending}
                  onClick={() => cancel.mutate()}
                >
                  {t.cancel}
                </Button>
              )}
              <Button
                kind="danger"
                icon={<Trash2 size={15} aria-hidden />}
                onClick={() => setRemoving(true)}
                aria-label={t.removeOne(one.filename)}
                title={t.remove}
              />
            </>
          )}
        </div>
      </div>
      <div className="exchange-progress" data-testid="import-now">
        <ImportProgress one={one} />
        {live && <p className="soft">{t.leave}</p>}
        {one.state === "failed" && (
          <div className="error-box" role="status">
            <div>
              <p>
                {t.failed} {one.error}
              </p>
            </div>
          </div>
        )}
        {outcome && (
          <p
            className={one.faults > 0 || one.state === "canceled" ? "note" : "note note-good"}
            role="status"
          >
            {outcome} {one.state === "completed" && one.faults > 0 && t.same}
          </p>
        )}
      </div>
      <ImportCounts one={one} />
      {!live && one.unknown + one.ambiguous > 0 && <ImportFolders one={one} />}
      {one.faults > 0 && <ImportProblems one={one} />}
      <ImportDetails one={one} />
      <Confirm
        open={removing}
        onClose={() => setRemoving(false)}
        title={t.removeAsk}
        text={t.removeText}
        go={t.removeGo}
        busy={remove.isPending}
        onGo={() => remove.mutate()}
      />
    </div>
  )
}

function ImportCounts({ one }: { one: Import }) {
  const wrong = one.faults - one.unknown - one.ambiguous
  const sums: [number, string, string?][] = [
    [one.stored, t.stored],
    [one.annotations, t.annotations],
    [one.identifications, t.identifications],
    [one.deployments, t.deployments],
    [one.unchanged, t.unchanged],
    [one.model_failures, t.modelFailures],
    [one.left_out, t.leftOut],
    [one.unknown, t.unknown, t.hint.unknown],
    [one.ambiguous, t.ambiguous, t.hint.ambiguous],
    [wrong, t.invalid],
  ]
  const shown = sums.filter(([count]) => count > 0)
  if (shown.length === 0) return null
  return (
    <section className="section" aria-label={t.counts}>
      <h2>{t.counts}</h2>
      <dl className="problem-counts">
        {shown.map(([count, text, hint]) => (
          <div key={text} className="problem-count">
            <dt>{formatCount(count)}</dt>
            <dd>
              {text}
              {hint && <div className="small soft">{hint}</div>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function ImportProblems({ one }: { one: Import }) {
  const project = useProject()
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    importProblemsQuery(project.id, one.id, one.faults),
  )
  const faults = data?.pages.flatMap((page) => page.results) ?? []
  return (
    <section className="section" aria-label={t.faults}>
      <h2>
        {t.faults} <span className="faint">{formatCount(one.faults)}</span>
      </h2>
      {one.faults > MAX_LISTED && <p className="soft">{t.cut(MAX_LISTED)}</p>}
      {error && <ErrorMessage error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      <div className="table-scroll">
        {faults.length > 0 && (
          <table className="table stacked-table" data-testid="faults">
            <thead>
              <tr>
                <th>{t.place}</th>
                <th>{t.image}</th>
                <th>{t.why}</th>
              </tr>
            </thead>
            <tbody>
              {faults.map((fault) => (
                <tr key={fault.number} data-kind={fault.kind}>
                  <td data-label={t.place}>
                    <code>{fault.place}</code>
                  </td>
                  <td data-label={fault.file ? t.image : undefined}>{fault.file}</td>
                  <td>
                    <span lang="en">{fault.message}</span>{" "}
                    <span className="faint nowrap">{t.kinds[fault.kind]}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
    </section>
  )
}

function ImportDetails({ one }: { one: Import }) {
  const project = useProject()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const { model_name, model_version, confidence_min, nothing_is_blank } = one.options
  const took =
    one.started_at && one.ended_at
      ? (new Date(one.ended_at).getTime() - new Date(one.started_at).getTime()) / 1000
      : null
  const facts: [string, string | null | undefined | false][] = [
    [t.format, t.formats[one.format][0]],
    [t.size, formatBytes(one.size_bytes)],
    [
      t.of,
      one.deployment_id
        ? (deployments?.results.find((place) => place.id === one.deployment_id)?.name ??
          exchangeTexts.deletedDeployment)
        : t.everywhere,
    ],
    [t.modelName, [model_name, model_version].filter(Boolean).join(" ")],
    [t.confidence, confidence_min > 0 && `${Math.round(100 * confidence_min)} %`],
    [t.nothingIsBlank, nothing_is_blank && uiTexts.yes],
    [t.took, took !== null && formatDuration(took)],
  ]
  return (
    <section className="section" aria-label={t.about}>
      <h2>{t.about}</h2>
      <dl className="facts">
        {facts.flatMap(([label, value]) =>
          value ? [<Fact key={label} label={label} value={value} />] : [],
        )}
        <dt>{t.asked}</dt>
        <dd>
          <Timestamp at={one.created_at} />
        </dd>
        <dt>{exchangeTexts.checksum}</dt>
        <dd>
          <code className="small">{one.sha256}</code>
        </dd>
      </dl>
    </section>
  )
}

const Fact = ({ label, value }: { label: string; value: string }) => (
  <>
    <dt>{label}</dt>
    <dd>{value}</dd>
  </>
)
