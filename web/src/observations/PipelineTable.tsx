/** The pipelines of a project in the order of their priority, and whether each counts. */
import { ArrowDown, ArrowUp } from "lucide-react"
import { useState } from "react"
import type { ObservationValues } from "../api/types"
import { IconButton } from "../ui/Button"
import { observationSettingsTexts as t } from "./en"
import { movePipeline, type PipelineRow, type PipelineUse } from "./settingsForm"

type Pipeline = ObservationValues["pipelines"][number]

interface PipelineTableProps {
  rows: PipelineRow[]
  pipelines: Pipeline[]
  disabled: boolean
  onChange: (rows: PipelineRow[]) => void
}

const USES = ["automatic", "counts", "ignored"] as const

export function PipelineTable({ rows, pipelines, disabled, onChange }: PipelineTableProps) {
  const [moved, setMoved] = useState("")
  const move = (at: number, by: -1 | 1) => {
    onChange(movePipeline(rows, at, by))
    setMoved(t.moved(rows[at]?.name ?? "", at + by + 1))
  }
  const isReplaced = (one: PipelineRow) => one.use === "replaced" || one.use.startsWith("by:")
  return (
    <section aria-label={t.pipelines}>
      <h2>{t.pipelines}</h2>
      <p className="soft">{t.pipelinesText}</p>
      {rows.length === 0 ? (
        <p className="soft small list-note">{t.noPipelines}</p>
      ) : (
        <table className="table stacked-table pipeline-table" data-testid="pipelines">
          <thead>
            <tr>
              <th>{t.priority}</th>
              <th>{t.pipeline}</th>
              <th>{t.looksFor}</th>
              <th>{t.use}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => {
              const pipeline = pipelines.find(({ name }) => name === row.name)
              return (
                <tr key={row.name} data-pipeline={row.name}>
                  <td data-label={t.priority}>
                    <span className="priority">
                      {at + 1}
                      {!disabled && rows.length > 1 && (
                        <>
                          <IconButton
                            label={t.up(row.name)}
                            disabled={at === 0}
                            onClick={() => move(at, -1)}
                          >
                            <ArrowUp size={16} />
                          </IconButton>
                          <IconButton
                            label={t.down(row.name)}
                            disabled={at === rows.length - 1}
                            onClick={() => move(at, 1)}
                          >
                            <ArrowDown size={16} />
                          </IconButton>
                        </>
                      )}
                    </span>
                  </td>
                  <td>
                    <b>{row.name}</b>
                    {pipeline && (
                      <div className="small soft">{pipeline.counts ? t.counts : t.countsNot}</div>
                    )}
                  </td>
                  <td data-label={t.looksFor}>{pipeline && formatTargets(pipeline)}</td>
                  <td data-label={t.use}>
                    <select
                      className="input"
                      aria-label={t.choiceOf(row.name)}
                      value={row.use}
                      onChange={(event) =>
                        onChange(
                          rows.toSpliced(at, 1, {
                            ...row,
                            use: event.target.value as PipelineUse,
                          }),
                        )
                      }
                    >
                      {USES.map((use) => (
                        <option key={use} value={use}>
                          {t.uses[use]}
                        </option>
                      ))}
                      {row.use === "replaced" && (
                        <option value="replaced">{t.uses.replaced}</option>
                      )}
                      {rows
                        .filter((one) => one.name !== row.name)
                        .filter((one) => !isReplaced(one) || row.use === `by:${one.name}`)
                        .map((one) => (
                          <option key={one.name} value={`by:${one.name}`}>
                            {t.replacedBy(one.name)}
                          </option>
                        ))}
                    </select>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      )}
      <p className="visually-hidden" role="status">
        {moved}
      </p>
    </section>
  )
}

/** Describe what a pipeline looks for, by its labels or otherwise its task types. */
function formatTargets({ looks_for: kinds, task_types: tasks }: Pipeline): string {
  if (kinds.length > 0) return kinds.map((kind) => t.kinds[kind] ?? kind).join(", ")
  return tasks.length > 0 ? t.otherTasks(tasks.join(", ")) : t.notDeclared
}
