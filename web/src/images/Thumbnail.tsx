/** A thumbnail with its boxes. */
import { fileUrl } from "../api/fileUrls"
import type { Image } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { formatCount } from "../ui/en"
import { imageTexts } from "./en"
import { useExpiredUrls } from "./useExpiredUrls"

/**
 * Minimum confidence of boxes on thumbnails, unless a filter sets another one: the boxes are
 * observations, to which the server has applied the thresholds of the project.
 */
const DEFAULT_MIN_CONFIDENCE = 0

export function Thumbnail({
  image,
  least = DEFAULT_MIN_CONFIDENCE,
  eager,
}: {
  image: Image
  least?: number
  eager?: boolean
}) {
  const classColour = useClassColour()
  const [failedUrls, onFail] = useExpiredUrls(image.project_id)
  const url = image.thumbnail_url
  const failed = url !== null && failedUrls.has(url)
  const boxes = image.boxes.filter((box) => (box.confidence ?? 1) >= least)
  return (
    <>
      {url && !failed ? (
        <img
          src={fileUrl(url)}
          alt=""
          draggable={false}
          decoding="async"
          loading={eager ? "eager" : "lazy"}
          onError={() => onFail(url)}
        />
      ) : (
        <div className="tile-placeholder">
          {failed ? image.filename : imageTexts.thumbnailComing}
        </div>
      )}
      {boxes.length > 0 && (
        <svg viewBox={`0 0 ${image.width} ${image.height}`} aria-hidden>
          {boxes.map((box) => {
            const place = {
              x: box.x_min,
              y: box.y_min,
              width: box.x_max - box.x_min,
              height: box.y_max - box.y_min,
            }
            const marks = { "data-box-id": box.id, "data-class": box.class_name ?? "" }
            if (place.width === 0 && place.height === 0) {
              // A point that a person drew: a line of length 0 with round caps.
              const dot = {
                d: `M${place.x} ${place.y}h0`,
                strokeLinecap: "round",
                vectorEffect: "non-scaling-stroke",
              } as const
              return (
                <g key={box.id} fill="none">
                  <path {...dot} stroke="#05080699" strokeWidth={10} />
                  <path {...dot} {...marks} stroke={classColour(box.class_name)} strokeWidth={7} />
                </g>
              )
            }
            return (
              <g key={box.id} fill="none" vectorEffect="non-scaling-stroke">
                <rect
                  {...place}
                  stroke="#05080699"
                  strokeWidth={4}
                  vectorEffect="non-scaling-stroke"
                />
                <rect
                  {...place}
                  stroke={classColour(box.class_name)}
                  strokeWidth={2}
                  vectorEffect="non-scaling-stroke"
                  {...marks}
                />
              </g>
            )
          })}
        </svg>
      )}
    </>
  )
}

interface ShownName {
  name: string
  /** The name, with the number of individuals if there are several. */
  text: string
  isUnsure: boolean
}

/** List the names of an image: those with sufficient confidence first, then the most specific. */
function listNames(image: Image, least: number): ShownName[] {
  const unsure = new Set(image.boxes.map((box) => box.class_name))
  for (const box of image.boxes) if ((box.confidence ?? 1) >= least) unsure.delete(box.class_name)
  return image.observed
    .map(({ name, count }) => ({
      name,
      text: count && count > 1 ? imageTexts.several(name, formatCount(count)) : name,
      isUnsure: unsure.has(name),
    }))
    .sort((a, b) => Number(a.isUnsure) - Number(b.isUnsure))
}

/** Describe an image without classes: blank by a person, or the state of its analysis. */
function getStateText({ analysis_state: state, blank, reviewed }: Image): string {
  if (blank && reviewed) return imageTexts.blank
  if (state === null) return imageTexts.notAnalysed
  return state === "completed" ? imageTexts.nothingFound : (imageTexts.states[state] ?? state)
}

/** Return the accessible name of a thumbnail's link; it contains the visible text. */
export function getThumbnailLabel(image: Image): string {
  return image.thumbnail_url ? image.filename : `${image.filename}, ${imageTexts.thumbnailComing}`
}

/** Return the text of `ClassLabels`: the classes, or the state of the analysis. */
export function getClassLabel(image: Image, least = DEFAULT_MIN_CONFIDENCE): string {
  const names = listNames(image, least).map((one) => one.text)
  return names.join(", ") || getStateText(image)
}

/**
 * The classes of an image as coloured dots and text, those with low confidence faint; without
 * classes the state of its analysis.
 */
export function ClassLabels({
  image,
  least = DEFAULT_MIN_CONFIDENCE,
}: {
  image: Image
  least?: number
}) {
  const classColour = useClassColour()
  const names = listNames(image, least)
  if (names.length > 0) {
    return (
      <span>
        {names.map(({ name, text, isUnsure }) => (
          <span
            key={name}
            className={isUnsure ? "tile-class unsure" : "tile-class"}
            title={isUnsure ? imageTexts.unsure : text}
          >
            <span className="dot" style={{ background: classColour(name) }} />
            {`${text} `}
          </span>
        ))}
      </span>
    )
  }
  return (
    <span className={image.analysis_state === "failed" ? "red" : "faint"}>
      {getStateText(image)}
    </span>
  )
}
