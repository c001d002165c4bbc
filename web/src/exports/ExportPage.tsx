/** One export: progress, problems, and its file. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft, RotateCcw, Trash2, X } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Export } from "../api/types"
import { paths, withSearch } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { DownloadLink } from "./DownloadLink"
import { ExportReport } from "./ExportReport"
import { ExportProgress, ExportTag } from "./ExportState"
import { buildFilter, formatSelection } from "./exportSelection"
import { exportQuery, isRunning, useFormatTitle } from "./queries"
import "../imports/exchange.css"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { NotFound } from "../errors/NotFound"
import { uiTexts } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { formatBytes, formatDay, formatDuration, Timestamp } from "../ui/time"
import { exportTexts as t } from "./en"

export function ExportPage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: one, error, refetch } = useQuery(exportQuery(project.id, id))
  const [removing, setRemoving] = useState(false)
  const [refused, setRefused] = useState<unknown>(null)
  const params = { params: { path: { export_id: id } } }
  const name = useFormatTitle(one?.format)
  useEffect(() => {
    if (name) document.title = `${name} · ${t.title} · ${project.name}`
  }, [name, project.name])
  const cancel = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v2/exports/{export_id}/cancel", params)),
    onSuccess: () => showToast(t.canceled),
    onSettled: () => client.invalidateQueries({ queryKey: ["export", project.id] }),
  })
  const remove = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v2/exports/{export_id}", params)),
    onSuccess: () => {
      showToast(t.removed)
      go(paths.exports(project.id))
      void client.invalidateQueries({ queryKey: ["export", project.id, "list"] })
    },
  })
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <NotFound inside />
  if (error && !one) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!one) return <SkeletonRows rows={6} />
  const may = canManage(project)
  const again = () => {
    const { filter, unseen } = buildFilter(one.selection)
    go(withSearch(paths.newExport(project.id), { format: one.format, ...filter }), {
      state: { unseen, content: one.content, options: one.options, audience: one.audience },
    })
  }
  const live = isRunning(one)
  return (
    <div className="narrow">
      <Link href={paths.exports(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1>{name}</h1>
        <ExportTag one={one} />
        {may && (
          <div className="actions">
            {one.state === "ready" && (
              <DownloadLink one={one} isRefused={refused !== null} onRefused={setRefused} />
            )}
            {live && (
              <Button
                icon={<X size={15} aria-hidden />}
                busy={cancel.isPending}
                onClick={() => cancel.mutate()}
              >
                {t.cancel}
              </Button>
            )}
            {!live && (
              <Button
                icon={<RotateCcw size={15} aria-hidden />}
                kind={one.state === "ready" && refused === null ? "plain" : "accent"}
                onClick={again}
              >
                {t.again}
              </Button>
            )}
            <Button
              kind="danger"
              icon={<Trash2 size={15} aria-hidden />}
              onClick={() => setRemoving(true)}
              aria-label={t.removeOne(one.filename)}
              title={t.remove}
            />
          </div>
        )}
      </div>
      <div className="exchange-progress" data-testid="export-now">
        <ExportProgress one={one} />
        {refused !== null && <ErrorMessage error={refused} />}
        {live && <p className="soft">{t.leave}</p>}
        <ExportOutcome one={one} name={name ?? ""} />
      </div>
      <ExportReport title={t.problems} found={one.problems} />
      <ExportDetails one={one} />
      <ExportReport title={t.leftOut} text={t.leftOutText} found={one.left_out} />
      <ExportReport title={t.fixed} text={t.fixedText} found={one.fixed} />
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

/** The result of an export that has no file. */
function ExportOutcome({ one, name }: { one: Export; name: string }) {
  if (one.state === "invalid")
    return (
      <p className="note" role="status">
        {t.invalid(name)}
      </p>
    )
  if (one.state === "failed")
    return (
      <div className="error-box" role="status">
        <div>
          <p>
            {t.failed} {one.error}
          </p>
        </div>
      </div>
    )
  if (one.state === "canceled") return <p className="note">{t.wasCanceled}</p>
  if (one.state === "expired") return <p className="note">{t.expired}</p>
  return one.deleted_since > 0 ? <p className="note">{t.deletedSince(one.deleted_since)}</p> : null
}

function ExportDetails({ one }: { one: Export }) {
  const project = useProject()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const took =
    one.started_at && one.finished_at
      ? (new Date(one.finished_at).getTime() - new Date(one.started_at).getTime()) / 1000
      : null
  const options = formatOptions(one.options)
  return (
    <section className="section" aria-label={t.about}>
      <h2>{t.about}</h2>
      <dl className="facts">
        {one.size_bytes !== null && one.state === "ready" && (
          <>
            <dt>{t.file}</dt>
            <dd>
              {one.filename}, {formatBytes(one.size_bytes)}
            </dd>
          </>
        )}
        <dt>{t.contents}</dt>
        <dd>{formatSelection(one.selection, deployments?.results, one.named_images)}</dd>
        {!isRunning(one) && one.images > 0 && (
          <>
            <dt>{t.holds}</dt>
            <dd>
              {t.images(one.images)}, {t.findings(one.annotations)}
              {one.written !== null && `, ${t.rows(one.written)}`}
            </dd>
          </>
        )}
        {one.content === "model" && <Fact label={t.content} value={t.contentChoices.model[0]} />}
        {one.audience && <Fact label={t.locations} value={t.audiences[one.audience][1]} />}
        {options.map(([label, value]) => (
          <Fact key={label} label={label} value={value} />
        ))}
        <dt>{t.asked}</dt>
        <dd>
          {one.requested_by}, <Timestamp at={one.created_at} />
        </dd>
        {took !== null && (
          <>
            <dt>{t.took}</dt>
            <dd>{formatDuration(took)}</dd>
          </>
        )}
        {one.expires_at && one.state === "ready" && (
          <>
            <dt>{t.kept}</dt>
            <dd>{formatDay(one.expires_at)}</dd>
          </>
        )}
        {one.sha256 && one.state === "ready" && (
          <>
            <dt>{t.checksum}</dt>
            <dd>
              <code className="small">{one.sha256}</code>
            </dd>
          </>
        )}
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

function formatOptions(options: Export["options"]): [string, string][] {
  const {
    confidence_min,
    with_images,
    title,
    description,
    data_licence,
    media_licence,
    sampling_design,
    contributors,
  } = options
  const said: [string, string | null | undefined | false | 0][] = [
    [t.confidence, confidence_min && `${Math.round(100 * confidence_min)} %`],
    [t.withPictures, with_images && uiTexts.yes],
    [t.optionTitle, title],
    [t.description, description],
    [t.dataLicence, data_licence],
    [t.mediaLicence, media_licence],
    [t.design, sampling_design && t.designs[sampling_design]],
    [
      t.contributors,
      contributors?.map((one) => `${one.title} (${t.roles[one.role] ?? one.role})`).join(", "),
    ],
  ]
  return said.filter((one): one is [string, string] => Boolean(one[1]))
}
