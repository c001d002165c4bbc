/** A lens over the image that follows the pointer; without one it is in the middle. */
import { type RefObject, useEffect, useState } from "react"
import { fileUrl } from "../api/fileUrls"
import type { Image as StoredImage } from "../api/types"
import type { Size } from "../findings/size"
import { type Point, toImage } from "./boxGeometry"
import { TileLayer } from "./TileLayer"
import { useTiles } from "./useTiles"
import { MAX_SCALE, type View } from "./viewGeometry"

const LENS = 220
const FACTOR = 3
/** A finger would cover the lens. */
const ABOVE_FINGER = LENS / 2 + 40

interface MagnifierProps {
  frame: RefObject<HTMLDivElement | null>
  image: StoredImage
  /** The file that is shown, below the tiles of a large image. */
  url: string | null
  onFail: (url: string) => void
  view: View
  canvas: Size
}

export function Magnifier({ frame, image, url, onFail, view, canvas }: MagnifierProps) {
  const [at, setAt] = useState<(Point & { isTouch: boolean }) | null>(null)
  useEffect(() => {
    const element = frame.current
    const follow = (event: PointerEvent) => {
      const edge = element?.getBoundingClientRect()
      if (!edge) return
      const [x, y] = [event.clientX - edge.left, event.clientY - edge.top]
      setAt({ x, y, isTouch: event.pointerType === "touch" })
    }
    element?.addEventListener("pointermove", follow)
    element?.addEventListener("pointerdown", follow)
    return () => {
      element?.removeEventListener("pointermove", follow)
      element?.removeEventListener("pointerdown", follow)
    }
  }, [frame])
  const point = at ?? { x: canvas.width / 2, y: canvas.height / 2, isTouch: false }
  const size = Math.min(LENS, canvas.width * 0.6, canvas.height * 0.6)
  const scale = Math.min(view.scale * FACTOR, MAX_SCALE)
  const of = toImage(point, view)
  const lens = { scale, x: size / 2 - of.x * scale, y: size / 2 - of.y * scale }
  const tiles = useTiles(image, true, lens, { width: size, height: size }, onFail)
  if (!url && !image.tiles) return null
  const top = point.y - size / 2 - (point.isTouch ? ABOVE_FINGER : 0)
  return (
    <div
      className="magnifier"
      data-testid="magnifier"
      aria-hidden
      style={{ left: point.x - size / 2, top, width: size, height: size }}
    >
      <div
        className="image-layer"
        style={{
          width: image.width,
          height: image.height,
          transform: `translate(${lens.x}px, ${lens.y}px) scale(${scale})`,
        }}
      >
        {url && <img src={fileUrl(url)} alt="" draggable={false} />}
        <TileLayer shown={tiles} />
      </div>
    </div>
  )
}
