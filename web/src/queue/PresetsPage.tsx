/** Presets: pipelines with their parameters by name, for people and for programs. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askPipelines, askPresets } from "../api/queries"
import type { Preset } from "../api/types"
import { IntegrationTabs } from "../external/IntegrationTabs"
import { PresetForm } from "./PresetForm"
import { mayManage, useProject } from "../projects/project"
import { RunDialog } from "./RunDialog"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "./runs.css"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { presetWords } from "./en"

/** What is open over the list: a form, the dialog that starts a job, or a question. */
type Opened = { what: "add" } | { what: "edit" | "run" | "remove"; preset: Preset }

export function PresetsPage() {
  const project = useProject()
  const client = useQueryClient()
  const { data, error, refetch } = useQuery({ ...askPresets(project.id), refetchInterval: 15_000 })
  const { data: pipelines } = useQuery(askPipelines(project.id))
  const [open, setOpen] = useState<Opened | null>(null)
  const close = () => setOpen(null)
  const w = presetWords
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w, project.name])
  const remove = useMutation({
    mutationFn: (preset: Preset) => answer(api.DELETE("/api/v2/presets/{preset_id}", { params: { path: { preset_id: preset.id } } })),
    onSuccess: () => toast(w.removed),
    onSettled: () => {
      close()
      return client.invalidateQueries({ queryKey: ["preset", project.id] })
    },
  })
  const may = mayManage(project)
  const hasPipelines = Boolean(pipelines && pipelines.results.length > 0)
  const add = may && hasPipelines && <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setOpen({ what: "add" })}>{w.add}</Button>
  return (
    <div className="narrow">
      <div className="page-head"><h1>{words.integration.title}</h1></div>
      <IntegrationTabs part="presets" />
      <section aria-label={w.title}>
        {error && <Trouble error={error} retry={() => void refetch()} />}
        {!(data && pipelines) && !error && <SkeletonRows />}
        {data?.results.length === 0 && pipelines && (
          <Empty title={w.noneTitle} text={<>{w.none} {!may ? w.onlyManagers : !hasPipelines && w.noPipeline}</>}>
            {add || (may && <LinkButton kind="accent" href={paths.workers(project.id)}>{words.first.noPipelineGo}</LinkButton>)}
          </Empty>
        )}
        {data && data.results.length > 0 && pipelines && (
          <>
            <div className="keys-head"><p className="soft">{w.text} {!may && w.onlyManagers}</p>{add}</div>
            <Table presets={data.results} known={new Map(pipelines.results.map((one) => [one.slug, one.name]))} onOpen={may ? setOpen : undefined} />
            <p className="soft keys-note">{w.guide}</p>
          </>
        )}
      </section>
      {open?.what === "add" && <PresetForm pipelines={pipelines?.results ?? []} onClose={close} />}
      {open?.what === "edit" && <PresetForm id={open.preset.id} pipelines={pipelines?.results ?? []} onClose={close} />}
      {open?.what === "run" && <RunDialog preset={open.preset.name} onClose={close} />}
      {open?.what === "remove" && (
        <Confirm open onClose={close} title={w.removeAsk(open.preset.name)} text={w.removeText} go={w.removeGo} busy={remove.isPending} onGo={() => remove.mutate(open.preset)} />
      )}
    </div>
  )
}

interface TableProps {
  presets: Preset[]
  /** Names of the pipelines that are registered, by slug. */
  known: ReadonlyMap<string, string>
  onOpen?: (open: Opened) => void
}

function Table({ presets, known, onOpen }: TableProps) {
  const w = presetWords
  return (
    <div className="table-scroll">
      <table className="table keys-table">
        <thead>
          <tr><th>{w.name}</th><th>{w.pipeline}</th><th>{w.parameters}</th><th>{w.priority}</th><th>{w.changed}</th>{onOpen && <th><span className="visually-hidden">{w.actions}</span></th>}</tr>
        </thead>
        <tbody>
          {presets.map((preset) => (
            <tr key={preset.id} data-preset={preset.name}>
              <td><b>{preset.name}</b>{preset.description && <div className="small soft">{preset.description}</div>}</td>
              <td data-label={w.pipeline}>{known.get(preset.pipeline) ?? <span className="amber">{preset.pipeline}, {w.gone}</span>}</td>
              <td data-label={w.parameters}>
                {Object.keys(preset.parameters).length > 0 ? <code className="preset-parameters">{JSON.stringify(preset.parameters)}</code> : <span className="faint">{w.noParameters}</span>}
              </td>
              <td data-label={w.priority}>{words.job.priorities[preset.priority]}</td>
              <td data-label={w.changed}><When at={preset.updated_at} short /></td>
              {onOpen && (
                <td className="key-actions">
                  <span className="actions">
                    {known.has(preset.pipeline) && <Button small aria-label={w.runOne(preset.name)} onClick={() => onOpen({ what: "run", preset })}>{w.run}</Button>}
                    <Button small aria-label={w.editOne(preset.name)} onClick={() => onOpen({ what: "edit", preset })}>{words.common.edit}</Button>
                    <Button small kind="danger" aria-label={w.removeOne(preset.name)} onClick={() => onOpen({ what: "remove", preset })}>{w.remove}</Button>
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
