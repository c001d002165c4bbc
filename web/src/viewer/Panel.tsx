/** Beside the picture: what is shown and how, what was found, which analysis said it, and where the image is from. */
import { useEffect, useRef } from "react"
import { Link } from "wouter"
import type { Analysis, ImageDetail } from "../api/types"
import { useClassColour } from "../findings/classes"
import { AnalysisTag } from "../queue/states"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { words } from "../en"
import { About } from "./About"
import { Changes } from "./Changes"
import { type ColourMap, COLOUR_MAPS, colourMap, gradientOf } from "./colourMaps"
import type { Changes as Changed } from "../findings/compare"
import { Entry } from "./Entry"
import type { Loaded } from "./files"
import { classKey, type Finding, percent } from "../findings/findings"
import { Gone } from "./Marks"
import { History, Review } from "../review/Review"
import { Tree } from "./Tree"
import type { Whole } from "./useAnnotations"
import { type SaidOfImage, useIdentify, useSaid } from "../review/useIdentify"
import { firstBeside, type Sight, type SightChanges } from "./useSight"

export interface PanelProps {
  image: ImageDetail
  sight: Sight
  change: SightChanges
  whole: Whole
  findings: Finding[]
  visible: Finding[]
  changes: Changed | null
  files: ReadonlyMap<string, Loaded>
  onRetryFiles: () => void
  lit: ReadonlySet<string>
  chosen: string | null
  onLight: (id: string | null) => void
  onChoose: (id: string | null) => void
}

export function Panel(props: PanelProps) {
  const { image, sight, change, findings, changes, lit, chosen, onLight, onChoose } = props
  const identify = useIdentify(image)
  const about = useSaid(image, findings)
  const aside = useRef<HTMLElement>(null)
  // What was chosen on the picture comes into sight in the list, which stays where it is if it was chosen there.
  useEffect(() => {
    const entry = chosen && aside.current?.querySelector(`[data-finding-id="${chosen}"]`)
    if (entry && document.activeElement !== entry) entry.scrollIntoView({ block: "nearest" })
  }, [chosen])
  return (
    <aside ref={aside} className="panel" aria-label={words.viewer.info} data-testid="panel">
      <Gone image={image} />
      {changes && <Changes changes={changes} lit={lit} onLight={onLight} onChoose={onChoose} />}
      <Review image={image} findings={findings} identify={identify} chosen={chosen} onShow={() => { if (!sight.panel) change.flip("info") }} />
      <Look {...props} />
      <Found {...props} about={about} />
      <History image={image} findings={findings} identify={identify} about={about} />
      <Analyses {...props} />
      <About image={image} />
    </aside>
  )
}

function counted(keys: string[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts]
}

function Look({ findings, files, sight, change }: PanelProps) {
  const classColour = useClassColour()
  const w = words.viewer
  const classes = counted(findings.map(classKey))
  const types = counted(findings.map((finding) => finding.type))
  const heat = findings.find((finding) => finding.type === "heatmap" && sight.shown.has(finding.analysis.id))
  const file = heat && files.get(heat.id)
  const isGrey = file?.state === "there" && file.heat?.isGrey
  const map = sight.map ?? colourMap(heat?.annotation.data.color_map)
  return (
    <section>
      <h2 id="slider-words">{w.confidence}</h2>
      <div className="slider">
        <input
          type="range" min={0} max={100} step={1} value={Math.round(sight.least * 100)} aria-labelledby="slider-words"
          data-testid="confidence" onChange={(event) => change.setLeast(Number(event.target.value) / 100)}
        />
        <output>{percent(sight.least)}</output>
      </div>
      {types.some(([type]) => ["heatmap", "mask", "segmentation"].includes(type)) && (
        <>
          <h2 id="opacity-words" className="next">{w.opacity}</h2>
          <div className="slider">
            <input
              type="range" min={0} max={100} step={1} value={Math.round(sight.opacity * 100)} aria-labelledby="opacity-words"
              data-testid="opacity" onChange={(event) => change.setOpacity(Number(event.target.value) / 100)}
            />
            <output>{percent(sight.opacity)}</output>
          </div>
        </>
      )}
      {heat && isGrey && (
        <label className="map-choice">
          <span>{w.colourMap}</span>
          <select value={map} data-testid="colour-map" onChange={(event) => change.setMap(event.target.value as ColourMap)}>
            {COLOUR_MAPS.map((one) => <option key={one} value={one}>{w.colourMaps[one]}</option>)}
          </select>
          <span className="map-bar" style={{ background: gradientOf(map) }} aria-hidden />
        </label>
      )}
      {(types.length > 1 || sight.offTypes.size > 0) && (
        <Toggles label={w.kinds} values={types} off={sight.offTypes} name="type" say={(type) => w.types[type] ?? type} onToggle={change.toggleType} />
      )}
      {classes.length > 0 && (
        <Toggles label={w.classes} values={classes} off={sight.offClasses} name="toggle" say={(name) => name || w.noClass} colour={classColour} onToggle={change.toggleClass} />
      )}
    </section>
  )
}

interface TogglesProps {
  label: string
  name: string
  values: [string, number][]
  off: ReadonlySet<string>
  say: (value: string) => string
  colour?: (value: string) => string
  onToggle: (value: string) => void
}

function Toggles({ label, name, values, off, say, colour, onToggle }: TogglesProps) {
  return (
    <div className="class-toggles" role="group" aria-label={label}>
      {values.map(([value, count]) => (
        <button
          key={value} type="button" className="class-toggle" aria-pressed={!off.has(value)} {...{ [`data-${name}`]: value }}
          onClick={() => onToggle(value)}
        >
          {colour && <span className="dot" style={{ background: colour(value) }} />}
          {say(value)} <span className="faint">{count}</span>
        </button>
      ))}
    </div>
  )
}

const FIRST_ENTRIES = 300

function Found({ image, sight, whole, findings, visible, files, onRetryFiles, change, lit, chosen, onLight, onChoose, about }: PanelProps & { about: SaidOfImage }) {
  const w = words.viewer
  const hidden = findings.length - visible.length
  const failed = visible.filter((finding) => files.get(finding.id)?.state === "failed").length
  // A list of thousands is not read; the picture and the slider find what is in it.
  const listed = visible.slice(0, FIRST_ENTRIES)
  const far = chosen && !listed.some(({ id }) => id === chosen) ? visible.filter(({ id }) => id === chosen) : []
  // Where more than one analysis is shown, each finding says whose it is.
  const from = ({ analysis }: Finding) =>
    sight.beside ? (analysis.id === sight.beside.left ? w.sides.left : w.sides.right) : whole.analyses.length > 1 ? analysis.model_name : null
  return (
    <section>
      <h2>
        {w.found}
        <span className="faint">{words.count(visible.length)}</span>
      </h2>
      {image.analyses.length === 0 && <p className="soft">{w.notAnalysed}</p>}
      {whole.analyses.length > 0 && findings.length === 0 && whole.coming === 0 && <p className="soft">{w.nothing}</p>}
      {whole.coming > 0 && !whole.error && <p className="soft" role="status">{w.restComing(whole.coming)}</p>}
      {whole.error !== null && <Trouble error={whole.error} retry={whole.retry} />}
      {failed > 0 && <p className="note small">{w.filesFailed(failed)} <Button small onClick={onRetryFiles}>{words.common.retry}</Button></p>}
      <div className="findings">
        {[...far, ...listed].map((finding) => (
          <Entry
            key={finding.id} finding={finding} files={files} isLit={lit.has(finding.id)} isChosen={chosen === finding.id} held={about.heldOf(finding)}
            from={from(finding)} onLight={onLight} onChoose={onChoose}
          />
        ))}
      </div>
      {visible.length > listed.length && <p className="soft small">{w.listCut(visible.length - listed.length)}</p>}
      {hidden > 0 && (
        <p className="soft small" style={{ marginTop: 8 }}>
          {w.hidden(hidden)}{" "}
          <Button kind="quiet" small onClick={change.showAll}>{w.all}</Button>
        </p>
      )}
    </section>
  )
}

function Analyses({ image, sight, change }: PanelProps) {
  const w = words.viewer
  if (image.analyses.length === 0) return null
  const first = firstBeside(image, sight.shown)
  return (
    <section>
      <h2>
        {w.analyses}
        <Button small kind="quiet" onClick={() => change.setBeside(sight.beside ? null : first)}>
          {sight.beside ? w.oneAgain : image.analyses.length > 1 ? w.besideTwo : w.besideOne}
        </Button>
      </h2>
      {image.analyses.map((analysis) => (
        <div key={analysis.id} className="analysis-option">
          <label>
            <input
              type="checkbox" checked={sight.shown.has(analysis.id)} disabled={sight.beside !== null}
              onChange={() => change.toggleAnalysis(analysis.id)} data-analysis-id={analysis.id}
            />
            <span>{analysis.model_name} <span className="faint">{analysis.model_version}</span></span>
          </label>
          <p>
            <AnalysisTag state={analysis.status} />{" "}
            {analysis.simulated && <><span className="amber" data-testid="simulated" title={w.simulatedNote}>{w.simulated}</span>{" "}</>}
            <When at={analysis.completed_at ?? analysis.created_at} />
            {analysis.job_id !== null && (
              <> · <Link href={paths.job(image.project_id, analysis.job_id)}>{`${words.job.title.slice(0, -1)} ${analysis.job_id}`}</Link></>
            )}
            {analysis.external_job_id !== null && <> · {w.outside} <code>{analysis.external_job_id}</code></>}
          </p>
          {analysis.is_stale && <p className="amber" data-testid="stale">{w.stale} <When at={analysis.updated_at} />. {w.staleTodo}</p>}
          {analysis.error_message && <p className="red">{analysis.error_message}</p>}
          <MadeBy analysis={analysis} />
        </div>
      ))}
    </section>
  )
}

function MadeBy({ analysis }: { analysis: Analysis }) {
  const told = Object.entries({ [words.viewer.parameters]: analysis.parameters, [words.viewer.provenance]: analysis.provenance })
    .filter(([, value]) => Object.keys(value ?? {}).length > 0)
  if (told.length === 0) return null
  return (
    <details className="made-by">
      <summary>{words.viewer.madeBy}</summary>
      <Tree value={Object.fromEntries(told)} />
    </details>
  )
}
