/** Presets: named pipelines with their parameters. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Preset } from "../api/types"
import { paths } from "../paths"
import { IntegrationTabs } from "../projects/IntegrationTabs"
import { canManage, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { PresetForm } from "./PresetForm"
import { RunDialog } from "./RunDialog"
import "./runs.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { integrationTabTexts } from "../projects/en"
import { uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { jobTexts, presetTexts, workerTexts } from "./en"
import { pipelinesQuery, presetsQuery } from "./queries"

/** The open dialog: the form, the dialog that starts a job, or a confirmation. */
type OpenPreset = { what: "add" } | { what: "edit" | "run" | "remove"; preset: Preset }

export function PresetsPage() {
  const project = useProject()
  const client = useQueryClient()
  const { data, error, refetch } = useQuery({
    ...presetsQuery(project.id),
    refetchInterval: 15_000,
  })
  const { data: pipelines } = useQuery(pipelinesQuery(project.id))
  const [open, setOpen] = useState<OpenPreset | null>(null)
  const close = () => setOpen(null)
  const t = presetTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const remove = useMutation({
    mutationFn: (preset: Preset) =>
      unwrap(
        api.DELETE("/api/v2/presets/{preset_id}", { params: { path: { preset_id: preset.id } } }),
      ),
    onSuccess: () => showToast(t.removed),
    onSettled: () => {
      close()
      return client.invalidateQueries({ queryKey: ["preset", project.id] })
    },
  })
  const may = canManage(project)
  const hasPipelines = Boolean(pipelines && pipelines.results.length > 0)
  const add = may && hasPipelines && (
    <Button
      kind="accent"
      icon={<Plus size={15} aria-hidden />}
      onClick={() => setOpen({ what: "add" })}
    >
      {t.add}
    </Button>
  )
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{integrationTabTexts.title}</h1>
      </div>
      <IntegrationTabs part="presets" />
      <section aria-label={t.title}>
        {error && <ErrorMessage error={error} retry={() => void refetch()} />}
        {!(data && pipelines) && !error && <SkeletonRows />}
        {data?.results.length === 0 && pipelines && (
          <EmptyState
            title={t.noneTitle}
            text={
              <>
                {t.none} {!may ? t.onlyManagers : !hasPipelines && t.noPipeline}
              </>
            }
          >
            {add ||
              (may && (
                <LinkButton kind="accent" href={paths.workers(project.id)}>
                  {workerTexts.connect}
                </LinkButton>
              ))}
          </EmptyState>
        )}
        {data && data.results.length > 0 && pipelines && (
          <>
            <div className="list-head">
              <p className="soft">
                {t.text} {!may && t.onlyManagers}
              </p>
              {add}
            </div>
            <PresetTable
              presets={data.results}
              known={new Map(pipelines.results.map((one) => [one.slug, one.name]))}
              onOpen={may ? setOpen : undefined}
            />
            <p className="soft list-note">{t.guide}</p>
          </>
        )}
      </section>
      {open?.what === "add" && <PresetForm pipelines={pipelines?.results ?? []} onClose={close} />}
      {open?.what === "edit" && (
        <PresetForm id={open.preset.id} pipelines={pipelines?.results ?? []} onClose={close} />
      )}
      {open?.what === "run" && <RunDialog preset={open.preset.name} onClose={close} />}
      {open?.what === "remove" && (
        <Confirm
          open
          onClose={close}
          title={t.removeAsk(open.preset.name)}
          text={t.removeText}
          go={t.removeGo}
          busy={remove.isPending}
          onGo={() => remove.mutate(open.preset)}
        />
      )}
    </div>
  )
}

interface PresetTableProps {
  presets: Preset[]
  /** Names of the registered pipelines by slug. */
  known: ReadonlyMap<string, string>
  onOpen?: (open: OpenPreset) => void
}

function PresetTable({ presets, known, onOpen }: PresetTableProps) {
  const t = presetTexts
  return (
    <div className="table-scroll">
      <table className="table stacked-table">
        <thead>
          <tr>
            <th>{t.name}</th>
            <th>{t.pipeline}</th>
            <th>{t.parameters}</th>
            <th>{t.priority}</th>
            <th>{t.changed}</th>
            {onOpen && (
              <th>
                <span className="visually-hidden">{t.actions}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {presets.map((preset) => (
            <tr key={preset.id} data-preset={preset.name}>
              <td>
                <b>{preset.name}</b>
                {preset.description && <div className="small soft">{preset.description}</div>}
              </td>
              <td data-label={t.pipeline}>
                {known.get(preset.pipeline) ?? (
                  <span className="amber">
                    {preset.pipeline}, {t.gone}
                  </span>
                )}
              </td>
              <td data-label={t.parameters}>
                {Object.keys(preset.parameters).length > 0 ? (
                  <code className="preset-parameters">{JSON.stringify(preset.parameters)}</code>
                ) : (
                  <span className="faint">{t.noParameters}</span>
                )}
              </td>
              <td data-label={t.priority}>{jobTexts.priorities[preset.priority]}</td>
              <td data-label={t.changed}>
                <Timestamp at={preset.updated_at} short />
              </td>
              {onOpen && (
                <td className="row-actions">
                  <span className="actions">
                    {known.has(preset.pipeline) && (
                      <Button
                        small
                        aria-label={t.runOne(preset.name)}
                        onClick={() => onOpen({ what: "run", preset })}
                      >
                        {t.run}
                      </Button>
                    )}
                    <Button
                      small
                      aria-label={t.editOne(preset.name)}
                      onClick={() => onOpen({ what: "edit", preset })}
                    >
                      {uiTexts.edit}
                    </Button>
                    <Button
                      small
                      kind="danger"
                      aria-label={t.removeOne(preset.name)}
                      onClick={() => onOpen({ what: "remove", preset })}
                    >
                      {t.remove}
                    </Button>
                  </span>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
