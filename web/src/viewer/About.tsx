/** Where an image is from: its time, place, file and EXIF. */
import { Download } from "lucide-react"
import { Link } from "wouter"
import { fileAddress } from "../api/files"
import type { ImageDetail } from "../api/types"
import { paths, withSearch } from "../paths"
import { bytes, exact, When } from "../ui/time"
import { words } from "../en"
import { markWords } from "../images/en"
import { sequenceWords } from "../catalogue/en.sequences"
import { TagsOf, TimeOf } from "./Marks"

export function About({ image }: { image: ImageDetail }) {
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
          {image.flags.includes("truncated") && <div className="small warning" role="note">{w.truncated}</div>}
          {image.flags.includes("no_camera_time") && <div className="small warning" role="note">{w.noCameraTime}</div>}
          <TimeOf image={image} />
          {image.clock_offset_s !== 0 && <div className="soft small">{w.clockOffset(image.clock_offset_s)}</div>}
        </dd>
        <dt>{markWords.tags}</dt>
        <dd><TagsOf image={image} /></dd>
        <dt>{w.deployment}</dt>
        <dd><Link href={withSearch(paths.images(project), { deployment: image.deployment_id })}>{image.deployment_name}</Link></dd>
        {image.sequence_id && (<><dt>{sequenceWords.title}</dt><dd><Link href={withSearch(paths.images(project), { sequence: image.sequence_id, order: "captured_at" })}>{sequenceWords.grid}</Link></dd></>)}
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
