/** The origin of an image: time, location, file and EXIF. */
import { Download } from "lucide-react"
import { Link } from "wouter"
import { fileUrl } from "../api/fileUrls"
import type { ImageDetail } from "../api/types"
import { sequenceTexts } from "../catalogue/en"
import { LocationBadge } from "../deployments/LocationBadge"
import { isExact } from "../deployments/locationPrecision"
import { imageTexts, markTexts } from "../images/en"
import { paths, withSearch } from "../paths"
import { formatDecimal } from "../ui/en"
import { formatBytes, formatExact, Timestamp } from "../ui/time"
import { viewerTexts } from "./en"
import { CaptureTime, ImageTags } from "./ImageMarks"

export function ImageInfo({ image }: { image: ImageDetail }) {
  const t = viewerTexts
  const project = image.project_id
  const isRestricted = !isExact(image)
  return (
    <section>
      <h2>{t.info}</h2>
      <dl className="facts">
        <dt>{t.captured}</dt>
        <dd>
          {formatExact(image.captured_at, image.time_zone)}
          <div className="soft small">
            {t.capturedFrom[image.captured_at_source] ?? image.captured_at_source}
            {image.captured_at_raw ? `, ${t.raw} “${image.captured_at_raw}”` : ""}
          </div>
          {image.flags.includes("truncated") && (
            <div className="small warning" role="note">
              {t.truncated}
            </div>
          )}
          {image.flags.includes("no_camera_time") && (
            <div className="small warning" role="note">
              {imageTexts.noCameraTime}
            </div>
          )}
          <CaptureTime image={image} />
          {image.clock_offset_s !== 0 && (
            <div className="soft small">{t.clockOffset(image.clock_offset_s)}</div>
          )}
        </dd>
        <dt>{markTexts.tags}</dt>
        <dd>
          <ImageTags image={image} />
        </dd>
        <dt>{t.deployment}</dt>
        <dd>
          <Link href={withSearch(paths.images(project), { deployment: image.deployment_id })}>
            {image.deployment_name}
          </Link>
          <LocationBadge precision={image.location_precision} />
        </dd>
        {image.sequence_id && (
          <>
            <dt>{sequenceTexts.title}</dt>
            <dd>
              <Link
                href={withSearch(paths.images(project), {
                  sequence: image.sequence_id,
                  order: "captured_at",
                })}
              >
                {sequenceTexts.grid}
              </Link>
            </dd>
          </>
        )}
        <dt>{t.from}</dt>
        <dd>
          {image.source_id && isRestricted ? (
            t.fromSource
          ) : image.source_id ? (
            <Link href={paths.source(project, image.source_id)}>{t.fromSource}</Link>
          ) : (
            t.fromUpload
          )}
          {image.source_path && <div className="soft small">{image.source_path}</div>}
        </dd>
        <dt>{t.file}</dt>
        <dd>
          {image.filename}
          <div className="soft small">
            {image.media_type}, {formatBytes(image.size_bytes)}
          </div>
          {isRestricted && (
            <div className="soft small" role="note">
              {t.restricted}
            </div>
          )}
        </dd>
        <dt>{t.size}</dt>
        <dd>
          {image.width} × {image.height}{" "}
          <span className="soft">
            ({t.megapixels(formatDecimal((image.width * image.height) / 1e6, 1))})
          </span>
        </dd>
        <dt>{t.added}</dt>
        <dd>
          <Timestamp at={image.created_at} />
        </dd>
        {image.flags.length > 0 && (
          <>
            <dt>{t.flags}</dt>
            <dd>{image.flags.join(", ")}</dd>
          </>
        )}
        <dt>{t.checksum}</dt>
        <dd title={image.sha256}>
          <code>{image.sha256.slice(0, 16)}…</code>
        </dd>
      </dl>
      <a
        className="button"
        style={{ marginTop: 12 }}
        href={fileUrl(image.file_url)}
        download={image.filename}
      >
        <Download size={16} aria-hidden /> {t.download}
      </a>
      <details style={{ marginTop: 16 }}>
        <summary>{t.exif}</summary>
        {Object.keys(image.exif).length === 0 && (
          <p className="soft">{isRestricted ? t.exifWithheld : t.noExif}</p>
        )}
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
