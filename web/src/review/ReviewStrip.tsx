/** The images of the current unit as a strip, and the first images of the next units. */
import { useEffect, useRef } from "react"
import type { Image as StoredImage } from "../api/types"
import { Thumbnail } from "../images/Thumbnail"
import { reviewScreenTexts as t } from "./en"
import type { ReviewUnit } from "./units"

interface ReviewStripProps {
  images: readonly StoredImage[]
  frame: number
  onFrame: (frame: number) => void
  next: readonly ReviewUnit[]
}

export function ReviewStrip({ images, frame, onFrame, next }: ReviewStripProps) {
  const current = useRef<HTMLButtonElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image
  useEffect(() => {
    current.current?.scrollIntoView({ block: "nearest", inline: "nearest" })
  }, [frame, images])
  const start = Date.parse(images[0]?.captured_at ?? "")
  return (
    <section className="review-strip" aria-label={t.strip} data-testid="review-strip">
      {images.map((image, at) => (
        <button
          key={image.id}
          ref={at === frame ? current : undefined}
          type="button"
          className="review-frame"
          aria-current={at === frame ? "true" : undefined}
          aria-label={`${t.frame(at + 1, images.length)}, ${t.offset((Date.parse(image.captured_at) - start) / 1000)}`}
          onClick={() => onFrame(at)}
        >
          <Thumbnail image={image} eager />
          <span className="review-offset">
            {t.offset((Date.parse(image.captured_at) - start) / 1000)}
          </span>
        </button>
      ))}
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
