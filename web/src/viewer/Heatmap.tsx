/** A heatmap that covers the whole image. */
import { useLayoutEffect, useRef } from "react"
import type { HeatmapData } from "./artifactFiles"
import { type ColourMap, getColourTable } from "./colourMaps"

export function Heatmap({
  id,
  heat,
  map,
  opacity,
  dimmed,
}: {
  id: string
  heat: HeatmapData
  map: ColourMap
  opacity: number
  dimmed: boolean
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const { width, height } = heat.pixels
  useLayoutEffect(() => {
    const pen = canvas.current?.getContext("2d")
    if (!pen) return
    const shown = new ImageData(new Uint8ClampedArray(heat.pixels.data), width, height)
    if (heat.isGrey) {
      const table = getColourTable(map)
      const { data } = shown
      for (let at = 0; at < data.length; at += 4) {
        const value = (data[at] ?? 0) * 3
        // A value of 0 is transparent.
        if (value === 0) data[at + 3] = 0
        data[at] = table[value] ?? 0
        data[at + 1] = table[value + 1] ?? 0
        data[at + 2] = table[value + 2] ?? 0
      }
    }
    pen.putImageData(shown, 0, 0)
  }, [heat, map, width, height])
  return (
    <canvas
      ref={canvas}
      className="heatmap"
      width={width}
      height={height}
      data-finding={id}
      data-type="heatmap"
      data-map={heat.isGrey ? map : ""}
      style={{ opacity: dimmed ? opacity * 0.28 : opacity }}
    />
  )
}
