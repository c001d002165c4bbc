/** One image of the grid: thumbnail with boxes and marks, and a caption. */
import { Check, ClockAlert, Layers, Star } from "lucide-react"
import { Link } from "wouter"
import type { Image } from "../api/types"
import { imageTexts, markTexts } from "../images/en"
import { ClassLabels, getClassLabel, getThumbnailLabel, Thumbnail } from "../images/Thumbnail"
import { paths, withSearch } from "../paths"
import { formatCount } from "../ui/en"
import { getInitials } from "../ui/names"
import { formatDay, formatExact, formatTime, getDay } from "../ui/time"
import type { GridPosition } from "./savedPosition"

interface TileProps {
  image: Image
  index: number
  least?: number
  chosen: boolean
  onChoose: (index: number, range: boolean) => void
  /** Whether the caption shows the day in addition to the time. */
  withDay: boolean
  place: { left: number; top: number; width: number; height: number }
}

/** Describe who reviewed an image; null if it is not reviewed. */
function describeReview(image: Image): string | null {
  if (image.needs_review) return imageTexts.needsReview
  if (image.reviewers.length > 0) return imageTexts.reviewedBy(image.reviewers.join(", "))
  return image.reviewed ? imageTexts.reviewed : null
}

const getSequenceSize = (image: Image) =>
  image.sequence_images && image.sequence_images > 1 ? image.sequence_images : null

/** Return the accessible name of a tile. It starts with the visible text, in its order. */
function getTileLabel(image: Image, time: string, least: number | undefined): string {
  const size = getSequenceSize(image)
  return [
    getThumbnailLabel(image),
    getClassLabel(image, least),
    time,
    describeReview(image),
    size && imageTexts.sequenceOf(size),
    image.deployment_name,
    formatExact(image.captured_at, image.time_zone),
  ]
    .filter(Boolean)
    .join(", ")
}

function ReviewMark({ image }: { image: Image }) {
  const [first, ...others] = image.reviewers.map(getInitials)
  const text = describeReview(image)
  if (!text) return null
  return (
    // The accessible name of the tile has this as a sentence.
    <span
      className={image.needs_review ? "tile-review tile-unsure" : "tile-review"}
      title={text}
      aria-hidden
    >
      {image.needs_review ? (
        imageTexts.isUnsure
      ) : (
        <>
          <Check size={13} />
          {first && others.length > 0 ? imageTexts.moreReviewers(first, others.length) : first}
        </>
      )}
    </span>
  )
}

function SequenceMark({ size }: { size: number | null }) {
  if (size === null) return null
  return (
    <span className="tile-sequence" title={imageTexts.sequenceOf(size)} aria-hidden>
      <Layers size={13} />
      {formatCount(size)}
    </span>
  )
}

export function ImageTile({ image, index, least, chosen, onChoose, withDay, place }: TileProps) {
  const here = window.location.pathname + window.location.search
  const position: GridPosition = {
    id: image.id,
    day: getDay(image.captured_at, image.time_zone),
    index,
    takenAt: image.captured_at,
  }
  const time = `${withDay ? `${formatDay(image.captured_at, image.time_zone)}, ` : ""}${formatTime(image.captured_at, image.time_zone)}`
  return (
    <Link
      href={withSearch(paths.image(image.project_id, image.id), {
        in: window.location.search.slice(1) || "order=-captured_at",
      })}
      state={{ images: here, at: position }}
      onClick={(event) => {
        // The history entry of the grid and that of the viewer have the place where the tile is now.
        position.y = event.currentTarget.getBoundingClientRect().top
        window.history.replaceState({ ...window.history.state, at: position }, "")
      }}
      data-index={index}
      data-image-id={image.id}
      className={chosen ? "tile tile-selected" : "tile"}
      style={{ left: place.left, top: place.top, width: place.width }}
      // contains the visible text in its order: a narrow tile clips the last classes
      aria-label={getTileLabel(image, time, least)}
    >
      <div className="tile-image" style={{ height: place.height }}>
        <Thumbnail image={image} least={least} eager />
        <ReviewMark image={image} />
        <span className="tile-marks">
          {image.starred && <Star size={14} fill="currentColor" aria-label={markTexts.starred} />}
          {image.flags.includes("no_camera_time") && (
            <span title={imageTexts.noCameraTime}>
              <ClockAlert size={14} aria-label={imageTexts.noCameraTime} />
            </span>
          )}
        </span>
        <SequenceMark size={getSequenceSize(image)} />
        {/** biome-ignore lint/a11y/useKeyWithClickEvents: the checkbox inside takes the keys */}
        {/** biome-ignore lint/a11y/noStaticElementInteractions: events of the elements inside are handled here */}
        <span className="tile-check" onClick={(event) => event.stopPropagation()}>
          <input
            type="checkbox"
            checked={chosen}
            tabIndex={-1}
            aria-label={imageTexts.select(image.filename)}
            onClick={(event) => {
              event.stopPropagation()
              onChoose(index, event.shiftKey)
            }}
            onChange={() => undefined}
          />
        </span>
      </div>
      <div className="tile-caption">
        <ClassLabels image={image} least={least} />{" "}
        <time
          className="tile-time"
          dateTime={image.captured_at}
          title={`${formatExact(image.captured_at, image.time_zone)}; ${image.deployment_name}`}
        >
          {time}
        </time>
      </div>
    </Link>
  )
}
