/** What can be run: the presets of a project, and its pipelines. */
import type { Preset, RegisteredPipeline } from "../api/types"
import { words } from "../en"
import { runWords } from "./en"

/** A pipeline, by itself or as a preset has it; `pipeline` is missing where it is no longer registered. */
export interface Runnable {
  key: string
  preset?: Preset
  pipeline: RegisteredPipeline | undefined
}

export const keyOfPreset = (name: string) => `preset ${name}`

/** All that a project can run, presets first. */
export function listRunnable(presets: Preset[], pipelines: RegisteredPipeline[]): Runnable[] {
  const bySlug = new Map(pipelines.map((one) => [one.slug, one]))
  return [
    ...presets.map((preset) => ({ key: keyOfPreset(preset.name), preset, pipeline: bySlug.get(preset.pipeline) })),
    ...pipelines.map((pipeline) => ({ key: `pipeline ${pipeline.slug}`, pipeline })),
  ]
}

interface RunChoiceProps {
  all: Runnable[]
  chosen: Runnable | undefined
  onChoose: (key: string) => void
}

export function RunChoice({ all, chosen, onChoose }: RunChoiceProps) {
  const w = runWords
  const presets = all.filter((one) => one.preset)
  const groups = presets.length > 0
    ? [{ title: w.presets, members: presets }, { title: w.pipelines, members: all.filter((one) => !one.preset) }]
    : [{ title: w.what, members: all }]
  return (
    <>
      {groups.map(({ title, members }) => (
        <fieldset key={title} className="fieldset">
          <legend>{title}</legend>
          {members.map((one) => (
            <label key={one.key} className="option">
              <input type="radio" name="what" value={one.key} checked={one.key === chosen?.key} disabled={!one.pipeline} onChange={() => onChoose(one.key)} />
              <div className="option-words">
                {one.preset ? one.preset.name : one.pipeline?.name}
                <Described one={one} />
                {one.pipeline && <p className={one.pipeline.online ? "" : "amber"}>{one.pipeline.online ? w.online : w.offline}</p>}
              </div>
            </label>
          ))}
        </fieldset>
      ))}
    </>
  )
}

function Described({ one: { preset, pipeline } }: { one: Runnable }) {
  const w = runWords
  const description = preset ? preset.description : pipeline?.description
  return (
    <>
      {description && <p>{description}</p>}
      {preset && !pipeline && <p className="amber">{w.gone(preset.pipeline)}</p>}
      {preset && pipeline && <p>{w.runs(preset.pipeline, words.job.priorities[preset.priority] ?? preset.priority)}</p>}
    </>
  )
}
