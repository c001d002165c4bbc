/** One image of the grid: thumbnail with boxes, and a caption. */
import { ClockAlert, Star } from "lucide-react"
import { Link } from "wouter"
import type { Image } from "../api/types"
import { imageTexts, markTexts } from "../images/en"
import { ClassLabels, getClassLabel, getThumbnailLabel, Thumbnail } from "../images/Thumbnail"
import { paths, withSearch } from "../paths"
import { formatDay, formatExact, formatTime, getDay } from "../ui/time"

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

export function ImageTile({ image, index, least, chosen, onChoose, withDay, place }: TileProps) {
  const here = window.location.pathname + window.location.search
  const at = { id: image.id, day: getDay(image.captured_at, image.time_zone), index }
  const time = `${withDay ? `${formatDay(image.captured_at, image.time_zone)}, ` : ""}${formatTime(image.captured_at, image.time_zone)}`
  return (
    <Link
      href={withSearch(paths.image(image.project_id, image.id), {
        in: window.location.search.slice(1) || "order=-captured_at",
      })}
      state={{ images: here, at }}
      onClick={() => window.history.replaceState({ ...window.history.state, at }, "")}
      data-index={index}
      data-image-id={image.id}
      className={chosen ? "tile tile-selected" : "tile"}
      style={{ left: place.left, top: place.top, width: place.width }}
      // contains the visible text in its order: a narrow tile clips the last classes
      aria-label={`${getThumbnailLabel(image)}, ${image.needs_review ? `${imageTexts.needsReview}, ` : ""}${time}, ${getClassLabel(image, least)}, ${image.deployment_name}, ${formatExact(image.captured_at, image.time_zone)}`}
    >
      <div className="tile-image" style={{ height: place.height }}>
        <Thumbnail image={image} least={least} eager />
        {image.starred && (
          <span className="tile-star">
            <Star size={14} fill="currentColor" aria-label={markTexts.starred} />
          </span>
        )}
        {image.needs_review && <span className="tile-review">{imageTexts.needsReview}</span>}
        {image.flags.includes("no_camera_time") && (
          <span className="tile-no-time" title={imageTexts.noCameraTime}>
            <ClockAlert size={14} aria-label={imageTexts.noCameraTime} />
          </span>
        )}
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
        <time
          className="tile-time"
          dateTime={image.captured_at}
          title={`${formatExact(image.captured_at, image.time_zone)}; ${image.deployment_name}`}
        >
          {time}
        </time>{" "}
        <ClassLabels image={image} least={least} />
      </div>
    </Link>
  )
}
