/** The state of the image tools of a review: adjustments, playing. */
import { type CSSProperties, useEffect, useRef, useState } from "react"
import {
  type Adjustments,
  buildFilter,
  isAdjusted,
  loadAdjustments,
  NIGHT,
  saveAdjustments,
  UNADJUSTED,
} from "./imageAdjustments"

export function useImageTools(deployment: string) {
  const [isOpen, setOpen] = useState(false)
  const [chosen, setChosen] = useState<Record<string, Adjustments>>({})
  const adjustments = chosen[deployment] ?? loadAdjustments(deployment)
  const change = (next: Adjustments) => {
    saveAdjustments(deployment, next)
    setChosen((old) => ({ ...old, [deployment]: next }))
  }
  return {
    adjustments,
    change,
    isOpen,
    flipOpen: () => setOpen(!isOpen),
    flipNight: () => change(isAdjusted(adjustments) ? UNADJUSTED : NIGHT),
    style: { "--review-filter": buildFilter(adjustments) } as CSSProperties,
  }
}

const FRAME_MS = 400

/** Play the images of a unit in a loop, until another unit is shown or `isHeld`. */
export function usePlaying(
  images: number,
  frame: number,
  unit: string,
  isHeld: boolean,
  onFrame: (frame: number) => void,
) {
  const [playing, setPlaying] = useState<string | null>(null)
  const isPlaying = playing !== null && playing === unit && images > 1 && !isHeld
  useEffect(() => {
    if (isHeld) setPlaying(null)
  }, [isHeld])
  const show = useRef(onFrame)
  show.current = onFrame
  useEffect(() => {
    if (!isPlaying) return
    const timer = setTimeout(() => show.current((frame + 1) % images), FRAME_MS)
    return () => clearTimeout(timer)
  }, [isPlaying, frame, images])
  return { isPlaying, flip: () => setPlaying(isPlaying ? null : unit) }
}

/** A single digit of a count is complete after this time. */
const COUNT_MS = 600

/** Call `onEnd` when no digit of a count followed for a while. */
export function useEndOfCount(counting: string | null, onEnd: () => void): void {
  const end = useRef(onEnd)
  end.current = onEnd
  useEffect(() => {
    if (!counting) return
    const timer = setTimeout(() => end.current(), COUNT_MS)
    return () => clearTimeout(timer)
  }, [counting])
}
