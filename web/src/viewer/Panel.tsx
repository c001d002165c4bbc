/** Beside the picture: the slider, class toggles, what was found, which analysis said it, and where the image is from. */
import { Download } from "lucide-react"
import { Link } from "wouter"
import { fileAddress } from "../api/files"
import type { ImageDetail } from "../api/types"
import { classColour } from "../components/classes"
import { AnalysisTag } from "../components/states"
import { paths, withSearch } from "../paths"
import { Button } from "../ui/Button"
import { bytes, exact, When } from "../ui/time"
import { words } from "../words/en"
import { percent } from "./Boxes"
import { classKey, type Finding } from "./findings"

export interface PanelProps {
  image: ImageDetail
  findings: Finding[]
  visible: Finding[]
  least: number
  onLeast: (confidence: number) => void
  off: ReadonlySet<string>
  onToggleClass: (name: string) => void
  shown: ReadonlySet<string>
  onToggleAnalysis: (id: string) => void
  lit: string | null
  onLight: (id: string | null) => void
}

export function Panel(props: PanelProps) {
  return (
    <aside className="panel" aria-label={words.viewer.info} data-testid="panel">
      <Sight {...props} />
      <Found {...props} />
      <Analyses {...props} />
      <About image={props.image} />
    </aside>
  )
}

function Sight({ findings, least, onLeast, off, onToggleClass }: PanelProps) {
  const classes = new Map<string, number>()
  for (const finding of findings) classes.set(classKey(finding), (classes.get(classKey(finding)) ?? 0) + 1)
  return (
    <section>
      <h2 id="slider-words">{words.viewer.confidence}</h2>
      <div className="slider">
        <input
          type="range" min={0} max={100} step={1} value={Math.round(least * 100)} aria-labelledby="slider-words"
          data-testid="confidence" onChange={(event) => onLeast(Number(event.target.value) / 100)}
        />
        <output>{percent(least)}</output>
      </div>
      {classes.size > 0 && (
        <div className="class-toggles" role="group" aria-label={words.viewer.classes} style={{ marginTop: 10 }}>
          {[...classes].map(([name, count]) => (
            <button
              key={name} type="button" className="class-toggle" aria-pressed={!off.has(name)} data-toggle={name}
              onClick={() => onToggleClass(name)}
            >
              <span className="dot" style={{ background: classColour(name) }} />
              {name || words.viewer.noClass} <span className="faint">{count}</span>
            </button>
          ))}
        </div>
      )}
    </section>
  )
}

function Found({ image, findings, visible, least, onLeast, off, onToggleClass, lit, onLight }: PanelProps) {
  const hidden = findings.length - visible.length
  const showAll = () => {
    if (least > 0) onLeast(0)
    off.forEach(onToggleClass)
  }
  return (
    <section>
      <h2>
        {words.viewer.found}
        <span className="faint">{visible.length}</span>
      </h2>
      {image.analyses.length === 0 && <p className="soft">{words.viewer.notAnalysed}</p>}
      {image.analyses.length > 0 && findings.length === 0 && <p className="soft">{words.viewer.nothing}</p>}
      <div className="findings">
        {visible.map((finding) => (
          <button
            key={finding.id} type="button" className={finding.id === lit ? "finding lit" : "finding"} data-finding-id={finding.id}
            onPointerEnter={() => onLight(finding.id)} onPointerLeave={() => onLight(null)}
            onFocus={() => onLight(finding.id)} onBlur={() => onLight(null)}
          >
            <span className="dot" style={{ background: classColour(finding.name) }} />
            <span>{finding.name ?? words.viewer.noClass}</span>
            <span className="soft">{percent(finding.confidence)}</span>
            {finding.said.map((child) => (
              <small key={child.id} title={child.algorithm ?? undefined}>
                <span>{child.class_name ?? words.viewer.noClass}</span> {percent(child.confidence)}
                {child.algorithm && <i>{child.algorithm}</i>}
              </small>
            ))}
          </button>
        ))}
      </div>
      {hidden > 0 && (
        <p className="soft small" style={{ marginTop: 8 }}>
          {words.viewer.hidden(hidden)}{" "}
          <Button kind="quiet" small onClick={showAll}>{words.viewer.all}</Button>
        </p>
      )}
    </section>
  )
}

function Analyses({ image, shown, onToggleAnalysis }: PanelProps) {
  if (image.analyses.length === 0) return null
  return (
    <section>
      <h2>{words.viewer.analyses}</h2>
      {image.analyses.map((analysis) => (
        <label key={analysis.id} className="analysis-option">
          <input
            type="checkbox" checked={shown.has(analysis.id)} onChange={() => onToggleAnalysis(analysis.id)}
            data-analysis-id={analysis.id}
          />
          <div>
            <div>{analysis.model_name} <span className="faint">{analysis.model_version}</span></div>
            <p>
              <AnalysisTag state={analysis.status} />{" "}
              <When at={analysis.completed_at ?? analysis.created_at} />
              {analysis.job_id !== null && (
                <> · <Link href={paths.job(image.project_id, analysis.job_id)}>{`${words.job.title.slice(0, -1)} ${analysis.job_id}`}</Link></>
              )}
            </p>
            {analysis.error_message && <p className="red">{analysis.error_message}</p>}
          </div>
        </label>
      ))}
    </section>
  )
}

function About({ image }: { image: ImageDetail }) {
  const w = words.viewer
  const project = image.project_id
  return (
    <section>
      <h2>{w.info}</h2>
      <dl className="facts">
        <dt>{w.captured}</dt>
        <dd>
          {exact(image.captured_at, image.time_zone)}
          <div className="soft small">
            {w.capturedFrom[image.captured_at_source] ?? image.captured_at_source}
            {image.captured_at_raw ? `, ${w.raw} “${image.captured_at_raw}”` : ""}
          </div>
          {image.clock_offset_s !== 0 && <div className="soft small">{w.clockOffset(image.clock_offset_s)}</div>}
        </dd>
        <dt>{w.deployment}</dt>
        <dd><Link href={withSearch(paths.images(project), { deployment: image.deployment_id })}>{image.deployment_name}</Link></dd>
        <dt>{w.from}</dt>
        <dd>
          {image.source_id ? <Link href={paths.source(project, image.source_id)}>{w.fromSource}</Link> : w.fromUpload}
          {image.source_path && <div className="soft small">{image.source_path}</div>}
        </dd>
        <dt>{w.file}</dt>
        <dd>{image.filename}<div className="soft small">{image.media_type}, {bytes(image.size_bytes)}</div></dd>
        <dt>{w.size}</dt>
        <dd>{image.width} × {image.height} <span className="soft">({w.megapixels(((image.width * image.height) / 1e6).toFixed(1))})</span></dd>
        <dt>{w.added}</dt>
        <dd><When at={image.created_at} /></dd>
        {image.flags.length > 0 && (<><dt>{w.flags}</dt><dd>{image.flags.join(", ")}</dd></>)}
        <dt>{w.checksum}</dt>
        <dd title={image.sha256}><code>{image.sha256.slice(0, 16)}…</code></dd>
      </dl>
      <a className="button" style={{ marginTop: 12 }} href={fileAddress(image.file_url)} download={image.filename}>
        <Download size={16} aria-hidden /> {w.download}
      </a>
      <details style={{ marginTop: 16 }}>
        <summary>{w.exif}</summary>
        {Object.keys(image.exif).length === 0 && <p className="soft">{w.noExif}</p>}
        <dl className="facts">
          {Object.entries(image.exif).map(([name, value]) => (
            <div key={name} style={{ display: "contents" }}>
              <dt>{name}</dt>
              <dd>{typeof value === "object" ? JSON.stringify(value) : String(value)}</dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  )
}
