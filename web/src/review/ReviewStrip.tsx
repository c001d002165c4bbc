/** The images of the current unit as a strip, and the first images of the next units. */
import { useEffect, useRef } from "react"
import type { Image as StoredImage } from "../api/types"
import { Thumbnail } from "../images/Thumbnail"
import { hasCameraTime } from "./cameraTime"
import { reviewScreenTexts as t } from "./en"
import { SequenceActions } from "./SequenceActions"
import type { ReviewUnit } from "./units"

interface ReviewStripProps {
  unit: ReviewUnit | undefined
  images: readonly StoredImage[]
  frame: number
  onFrame: (frame: number) => void
  next: readonly ReviewUnit[]
}

/**
 * Return the time of each image since the first one. Images without a camera time have none: the
 * times of their files say nothing about the sequence.
 */
function listOffsets(images: readonly StoredImage[]): (string | null)[] {
  const start = images.find(hasCameraTime)
  return images.map((image) =>
    start && images.length > 1 && hasCameraTime(image)
      ? t.offset((Date.parse(image.captured_at) - Date.parse(start.captured_at)) / 1000)
      : null,
  )
}

export function ReviewStrip({ unit, images, frame, onFrame, next }: ReviewStripProps) {
  const current = useRef<HTMLButtonElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image
  useEffect(() => {
    current.current?.scrollIntoView({ block: "nearest", inline: "nearest" })
  }, [frame, images])
  const offsets = listOffsets(images)
  const shown = images[frame]
  return (
    <section className="review-strip" aria-label={t.strip} data-testid="review-strip">
      {images.map((image, at) => (
        <button
          key={image.id}
          ref={at === frame ? current : undefined}
          type="button"
          className="review-frame"
          aria-current={at === frame ? "true" : undefined}
          aria-label={[t.frame(at + 1, images.length), offsets[at]].filter(Boolean).join(", ")}
          onClick={() => onFrame(at)}
        >
          <Thumbnail image={image} eager />
          {offsets[at] && <span className="review-offset">{offsets[at]}</span>}
        </button>
      ))}
      {/* The items of a review set are fixed. */}
      {unit?.sequence && !unit.ofSet && shown && (
        <SequenceActions image={shown} isFirst={frame === 0} />
      )}
      {next.length > 0 && (
        <>
          <span className="review-separator" />
          <span className="review-next-label">{t.next}</span>
          {next.map(({ key, first }) => (
            <span key={key} className="review-frame review-next" aria-hidden>
              <Thumbnail image={first} eager />
            </span>
          ))}
        </>
      )}
    </section>
  )
}
