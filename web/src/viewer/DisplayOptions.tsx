/** The options of the viewer: what is shown, from which confidence on, and how. */
import { useClassColour } from "../findings/classColours"
import { findingTexts } from "../findings/en"
import { type Finding, formatPercent, getClassKey } from "../findings/findings"
import { Check } from "../ui/Field"
import type { LoadedArtifact } from "./artifactFiles"
import { COLOUR_MAPS, type ColourMap, getColourMap, getGradient } from "./colourMaps"
import { observationTexts, viewerTexts } from "./en"
import type { ViewerState, ViewerStateUpdate } from "./useViewerState"

interface DisplayOptionsProps {
  findings: Finding[]
  files: ReadonlyMap<string, LoadedArtifact>
  sight: ViewerState
  change: ViewerStateUpdate
}

function countByName(keys: string[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts]
}

export function DisplayOptions({ findings, files, sight, change }: DisplayOptionsProps) {
  const classColour = useClassColour()
  const t = viewerTexts
  const classes = countByName(findings.map(getClassKey))
  const types = countByName(findings.map((finding) => finding.type))
  const heat = findings.find(
    (finding) => finding.type === "heatmap" && sight.shown.has(finding.analysis.id),
  )
  const file = heat && files.get(heat.id)
  const isGrey = file?.state === "there" && file.heat?.isGrey
  const map = sight.map ?? getColourMap(heat?.annotation.data.color_map)
  return (
    <section>
      <Check
        label={observationTexts.showModels}
        checked={sight.models}
        aria-keyshortcuts="o"
        data-testid="models"
        onChange={(event) => change.setModels(event.target.checked)}
      />
      <h2 id="slider-words" className="next">
        {t.confidence}
      </h2>
      <div className="slider">
        <input
          type="range"
          min={0}
          max={100}
          step={1}
          value={Math.round(sight.least * 100)}
          aria-labelledby="slider-words"
          data-testid="confidence"
          onChange={(event) => change.setLeast(Number(event.target.value) / 100)}
        />
        <output>{formatPercent(sight.least)}</output>
      </div>
      {types.some(([type]) => ["heatmap", "mask", "segmentation"].includes(type)) && (
        <>
          <h2 id="opacity-words" className="next">
            {t.opacity}
          </h2>
          <div className="slider">
            <input
              type="range"
              min={0}
              max={100}
              step={1}
              value={Math.round(sight.opacity * 100)}
              aria-labelledby="opacity-words"
              data-testid="opacity"
              onChange={(event) => change.setOpacity(Number(event.target.value) / 100)}
            />
            <output>{formatPercent(sight.opacity)}</output>
          </div>
        </>
      )}
      {heat && isGrey && (
        <label className="map-choice">
          <span>{t.colourMap}</span>
          <select
            value={map}
            data-testid="colour-map"
            onChange={(event) => change.setMap(event.target.value as ColourMap)}
          >
            {COLOUR_MAPS.map((one) => (
              <option key={one} value={one}>
                {t.colourMaps[one]}
              </option>
            ))}
          </select>
          <span className="map-bar" style={{ background: getGradient(map) }} aria-hidden />
        </label>
      )}
      {(types.length > 1 || sight.offTypes.size > 0) && (
        <ClassToggles
          label={t.kinds}
          values={types}
          off={sight.offTypes}
          name="type"
          say={(type) => findingTexts.types[type] ?? type}
          onToggle={change.toggleType}
        />
      )}
      {classes.length > 0 && (
        <ClassToggles
          label={t.classes}
          values={classes}
          off={sight.offClasses}
          name="toggle"
          say={(name) => name || findingTexts.noClass}
          colour={classColour}
          onToggle={change.toggleClass}
        />
      )}
    </section>
  )
}

interface ClassTogglesProps {
  label: string
  name: string
  values: [string, number][]
  off: ReadonlySet<string>
  say: (value: string) => string
  colour?: (value: string) => string
  onToggle: (value: string) => void
}

function ClassToggles({ label, name, values, off, say, colour, onToggle }: ClassTogglesProps) {
  return (
    <div className="class-toggles" role="group" aria-label={label}>
      {values.map(([value, count]) => (
        <button
          key={value}
          type="button"
          className="class-toggle"
          aria-pressed={!off.has(value)}
          {...{ [`data-${name}`]: value }}
          onClick={() => onToggle(value)}
        >
          {colour && <span className="dot" style={{ background: colour(value) }} />}
          {say(value)} <span className="faint">{count}</span>
        </button>
      ))}
    </div>
  )
}
