/**
 * The panel next to the image: display options, findings, analyses, and the origin of the image.
 */
import { useEffect, useRef } from "react"
import { Link } from "wouter"
import type { Analysis, ImageDetail, Observation } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import type { AnalysisChanges as Changed } from "../findings/analysisDiff"
import type { Finding } from "../findings/findings"
import { paths } from "../paths"
import { jobTexts } from "../queue/en"
import { AnalysisTag } from "../queue/statusTags"
import { IdentificationHistory, ReviewPanel } from "../review/ReviewPanel"
import { type ImageIdentifications, useIdentifications, useIdentify } from "../review/useIdentify"
import { Button } from "../ui/Button"
import { formatCount, uiTexts } from "../ui/en"
import { Timestamp } from "../ui/time"
import { AnalysisDiff } from "./AnalysisDiff"
import type { LoadedArtifact } from "./artifactFiles"
import { DisplayOptions } from "./DisplayOptions"
import { observationTexts, viewerTexts } from "./en"
import { FindingRow } from "./FindingRow"
import { ImageInfo } from "./ImageInfo"
import { DeletedBanner } from "./ImageMarks"
import { JsonTree } from "./JsonTree"
import { ObservationList } from "./ObservationList"
import type { CompleteAnalyses } from "./useAnnotations"
import type { ObservedImage } from "./useObservations"
import { getDefaultComparison, type ViewerState, type ViewerStateUpdate } from "./useViewerState"

export interface ViewerPanelProps {
  image: ImageDetail
  sight: ViewerState
  change: ViewerStateUpdate
  whole: CompleteAnalyses
  observed: ObservedImage
  /** The observations, also with boxes that the server does not have yet. */
  observations: Observation[] | undefined
  /** The findings of the analyses that are shown, as the models named them. */
  allFindings: Finding[]
  /** Those that are shown, as the observations name them, or otherwise all. */
  findings: Finding[]
  visible: Finding[]
  changes: Changed | null
  files: ReadonlyMap<string, LoadedArtifact>
  onRetryFiles: () => void
  lit: ReadonlySet<string>
  chosen: string | null
  onLight: (id: string | null) => void
  onChoose: (id: string | null) => void
}

export function ViewerPanel(props: ViewerPanelProps) {
  const { image, sight, change, findings, changes, lit, chosen, onLight, onChoose } = props
  const identify = useIdentify(image)
  const about = useIdentifications(image, props.allFindings)
  const aside = useRef<HTMLElement>(null)
  // Scroll the finding that was selected on the image into view; the list does not move if it was
  // selected in the list.
  useEffect(() => {
    const entry = chosen && aside.current?.querySelector(`[data-finding-id="${chosen}"]`)
    if (entry && document.activeElement !== entry) entry.scrollIntoView({ block: "nearest" })
  }, [chosen])
  return (
    <aside ref={aside} className="panel" aria-label={viewerTexts.info} data-testid="panel">
      <DeletedBanner image={image} />
      {changes && (
        <AnalysisDiff changes={changes} lit={lit} onLight={onLight} onChoose={onChoose} />
      )}
      <ReviewPanel
        image={image}
        findings={findings}
        identify={identify}
        chosen={chosen}
        onShow={() => {
          if (!sight.panel) change.flip("info")
        }}
      />
      <ObservationList
        observations={props.observations}
        error={props.observed.error}
        onRetry={() => void props.observed.refetch()}
        lit={lit}
        chosen={chosen}
        onLight={onLight}
        onChoose={onChoose}
      />
      <DisplayOptions {...props} />
      <FindingList {...props} about={about} />
      <IdentificationHistory
        image={image}
        findings={props.allFindings}
        identify={identify}
        about={about}
      />
      <AnalysisList {...props} />
      <ImageInfo image={image} />
    </aside>
  )
}

const MAX_ROWS = 300

function FindingList({
  image,
  sight,
  whole,
  allFindings,
  findings,
  visible,
  files,
  onRetryFiles,
  change,
  lit,
  chosen,
  onLight,
  onChoose,
  about,
}: ViewerPanelProps & { about: ImageIdentifications }) {
  const t = viewerTexts
  const hidden = findings.length - visible.length
  const shownIds = new Set(findings.map(({ id }) => id))
  const left = allFindings.filter(({ id }) => !shownIds.has(id)).length
  const failed = visible.filter((finding) => files.get(finding.id)?.state === "failed").length
  // A list of thousands is of no use: the image and the confidence slider narrow it.
  const listed = visible.slice(0, MAX_ROWS)
  const far =
    chosen && !listed.some(({ id }) => id === chosen)
      ? visible.filter(({ id }) => id === chosen)
      : []
  // If several analyses are shown, each finding has the name of its analysis.
  const from = ({ analysis }: Finding) =>
    sight.beside
      ? analysis.id === sight.beside.left
        ? t.sides.left
        : t.sides.right
      : whole.analyses.length > 1
        ? analysis.model_name
        : null
  return (
    <section>
      <h2>
        {t.found}
        <span className="faint">{formatCount(visible.length)}</span>
      </h2>
      {image.analyses.length === 0 && <p className="soft">{t.notAnalysed}</p>}
      {whole.analyses.length > 0 && allFindings.length === 0 && whole.coming === 0 && (
        <p className="soft">{t.nothing}</p>
      )}
      {whole.coming > 0 && !whole.error && (
        <p className="soft" role="status">
          {t.restComing(whole.coming)}
        </p>
      )}
      {whole.error !== null && <ErrorMessage error={whole.error} retry={whole.retry} />}
      {failed > 0 && (
        <p className="note small">
          {t.filesFailed(failed)}{" "}
          <Button small onClick={onRetryFiles}>
            {uiTexts.retry}
          </Button>
        </p>
      )}
      <div className="findings">
        {[...far, ...listed].map((finding) => (
          <FindingRow
            key={finding.id}
            finding={finding}
            files={files}
            isLit={lit.has(finding.id)}
            isChosen={chosen === finding.id}
            held={about.heldOf(finding)}
            from={from(finding)}
            onLight={onLight}
            onChoose={onChoose}
          />
        ))}
      </div>
      {visible.length > listed.length && (
        <p className="soft small">{t.listCut(visible.length - listed.length)}</p>
      )}
      {hidden > 0 && (
        <p className="soft small" style={{ marginTop: 8 }}>
          {t.hidden(hidden)}{" "}
          <Button kind="quiet" small onClick={change.showAll}>
            {t.all}
          </Button>
        </p>
      )}
      {left > 0 && (
        <p className="soft small" style={{ marginTop: 8 }}>
          {observationTexts.notObserved(left)}{" "}
          <Button kind="quiet" small onClick={() => change.setModels(true)}>
            {observationTexts.showModels}
          </Button>
        </p>
      )}
    </section>
  )
}

function AnalysisList({ image, sight, change }: ViewerPanelProps) {
  const t = viewerTexts
  if (image.analyses.length === 0) return null
  const first = getDefaultComparison(image, sight.shown)
  return (
    <section>
      <h2>
        {t.analyses}
        <Button small kind="quiet" onClick={() => change.setBeside(sight.beside ? null : first)}>
          {sight.beside
            ? t.oneAgain
            : image.analyses.length > 1
              ? t.compareAnalyses
              : t.compareWithOriginal}
        </Button>
      </h2>
      {image.analyses.map((analysis) => (
        <div key={analysis.id} className="analysis-option">
          <label>
            <input
              type="checkbox"
              checked={sight.shown.has(analysis.id)}
              disabled={sight.beside !== null}
              onChange={() => change.toggleAnalysis(analysis.id)}
              data-analysis-id={analysis.id}
            />
            <span>
              {analysis.model_name} <span className="faint">{analysis.model_version}</span>
            </span>
          </label>
          <p>
            <AnalysisTag state={analysis.status} />{" "}
            {analysis.simulated && (
              <>
                <span className="amber" data-testid="simulated" title={t.simulatedNote}>
                  {t.simulated}
                </span>{" "}
              </>
            )}
            <Timestamp at={analysis.completed_at ?? analysis.created_at} />
            {analysis.job_id !== null && (
              <>
                {" "}
                ·{" "}
                <Link
                  href={paths.job(image.project_id, analysis.job_id)}
                >{`${jobTexts.title.slice(0, -1)} ${analysis.job_id}`}</Link>
              </>
            )}
            {analysis.external_job_id !== null && (
              <>
                {" "}
                · {t.outside} <code>{analysis.external_job_id}</code>
              </>
            )}
          </p>
          {analysis.is_stale && (
            <p className="amber" data-testid="stale">
              {t.stale} <Timestamp at={analysis.updated_at} />. {t.staleTodo}
            </p>
          )}
          {analysis.error_message && <p className="red">{analysis.error_message}</p>}
          <AnalysisProvenance analysis={analysis} />
        </div>
      ))}
    </section>
  )
}

function AnalysisProvenance({ analysis }: { analysis: Analysis }) {
  const told = Object.entries({
    [viewerTexts.parameters]: analysis.parameters,
    [viewerTexts.provenance]: analysis.provenance,
  }).filter(([, value]) => Object.keys(value ?? {}).length > 0)
  if (told.length === 0) return null
  return (
    <details className="made-by">
      <summary>{viewerTexts.madeBy}</summary>
      <JsonTree value={Object.fromEntries(told)} />
    </details>
  )
}
