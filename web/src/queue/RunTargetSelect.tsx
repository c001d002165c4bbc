/** Selects what to run: a preset of the project or a pipeline. */
import type { Preset, RegisteredPipeline } from "../api/types"
import { jobTexts, runTexts } from "./en"

/** A pipeline, with or without a preset; `pipeline` is undefined if it is no longer registered. */
export interface RunTarget {
  key: string
  preset?: Preset
  pipeline: RegisteredPipeline | undefined
}

export const getPresetKey = (name: string) => `preset ${name}`

/** List everything that a project can run, presets first. */
export function listRunTargets(presets: Preset[], pipelines: RegisteredPipeline[]): RunTarget[] {
  const bySlug = new Map(pipelines.map((one) => [one.slug, one]))
  return [
    ...presets.map((preset) => ({
      key: getPresetKey(preset.name),
      preset,
      pipeline: bySlug.get(preset.pipeline),
    })),
    ...pipelines.map((pipeline) => ({ key: `pipeline ${pipeline.slug}`, pipeline })),
  ]
}

interface RunTargetSelectProps {
  all: RunTarget[]
  chosen: RunTarget | undefined
  onChoose: (key: string) => void
}

export function RunTargetSelect({ all, chosen, onChoose }: RunTargetSelectProps) {
  const t = runTexts
  const presets = all.filter((one) => one.preset)
  const groups =
    presets.length > 0
      ? [
          { title: t.presets, members: presets },
          { title: t.pipelines, members: all.filter((one) => !one.preset) },
        ]
      : [{ title: t.what, members: all }]
  return (
    <>
      {groups.map(({ title, members }) => (
        <fieldset key={title} className="fieldset">
          <legend>{title}</legend>
          {members.map((one) => (
            <label key={one.key} className="option">
              <input
                type="radio"
                name="what"
                value={one.key}
                checked={one.key === chosen?.key}
                disabled={!one.pipeline}
                onChange={() => onChoose(one.key)}
              />
              <div className="option-text">
                {one.preset ? one.preset.name : one.pipeline?.name}
                <RunTargetDetails one={one} />
                {one.pipeline && (
                  <p className={one.pipeline.online ? "" : "amber"}>
                    {one.pipeline.online ? t.online : t.offline}
                  </p>
                )}
              </div>
            </label>
          ))}
        </fieldset>
      ))}
    </>
  )
}

function RunTargetDetails({ one: { preset, pipeline } }: { one: RunTarget }) {
  const t = runTexts
  const description = preset ? preset.description : pipeline?.description
  return (
    <>
      {description && <p>{description}</p>}
      {preset && !pipeline && <p className="amber">{t.gone(preset.pipeline)}</p>}
      {preset && pipeline && (
        <p>{t.runs(preset.pipeline, jobTexts.priorities[preset.priority] ?? preset.priority)}</p>
      )}
    </>
  )
}
