/** Circles over coarse land or the operator's tiles, drawn by MapLibre GL. */
import type { GeoJSON } from "geojson"
import { Minus, Plus, Scan } from "lucide-react"
import type { Map as LibreMap, StyleSpecification } from "maplibre-gl"
import { type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react"
import { IconButton } from "../Button"
import { saveFile } from "../charts/chartFiles"
import { buildCircleLayers, buildCircles, CIRCLES, findBounds, type MapCircle } from "./circles"
import { circleMapTexts as t } from "./en"
import { buildGraticule } from "./graticule"
import { loadLand } from "./land"
import { readMapColours, resolveColour, useThemeChanges } from "./mapColours"
import { buildMapStyle, TILES, type TileContent } from "./mapStyle"
import { getMapTiles, type MapTiles, splitUrls } from "./mapTiles"
import "./circleMap.css"

type Library = typeof import("./mapLibre")

export interface CircleMapHandle {
  /** Save the map as it is shown as a PNG file. */
  savePng: (name: string) => void
}

interface CircleMapProps {
  circles: MapCircle[]
  /** A CSS colour, also a variable of the theme. */
  fill: string
  /** A sentence that states the content. */
  label: string
  height: number
  chosen: string | null
  onChoose: (id: string | null) => void
  /** Called if the library cannot be loaded or started. */
  onFailed: () => void
  handle: Ref<CircleMapHandle>
}

const PADDING = 48

interface MapParts {
  library: Library
  land: GeoJSON | null
  content: TileContent | null
}

/** Load everything that a map consists of; without land or tiles it is still complete. */
async function loadParts(tiles: MapTiles | null): Promise<MapParts> {
  const [library, land] = await Promise.all([
    import("./mapLibre"),
    loadLand().catch(() => null) as Promise<GeoJSON | null>,
  ])
  const content = tiles && (await library.readTileContent(tiles).catch(() => null))
  return { library, land, content }
}

export function CircleMap(props: CircleMapProps) {
  const { circles, fill, label, height, chosen, handle } = props
  const frame = useRef<HTMLDivElement>(null)
  const current = useRef(props)
  current.current = props
  const [parts, setParts] = useState<MapParts | null>(null)
  const [map, setMap] = useState<LibreMap | null>(null)
  const [isLoaded, setLoaded] = useState(false)
  const [hasTileError, setTileError] = useState(false)
  const theme = useThemeChanges()
  const tiles = useMemo(getMapTiles, [])

  useEffect(() => {
    let isShown = true
    loadParts(tiles)
      .then((loaded) => {
        if (!isShown) return
        setParts(loaded)
        setTileError(tiles !== null && loaded.content === null)
      })
      .catch(() => isShown && current.current.onFailed())
    return () => {
      isShown = false
    }
  }, [tiles])

  useEffect(() => {
    const element = frame.current
    if (!parts || !element) return
    let made: LibreMap
    try {
      made = new parts.library.maplibre.Map({
        container: element,
        style: { version: 8, sources: {}, layers: [] },
        bounds: findBounds(current.current.circles),
        fitBoundsOptions: { padding: PADDING, maxZoom: 15 },
        attributionControl: false,
        dragRotate: false,
        pitchWithRotate: false,
        touchPitch: false,
        // The page scrolls over the map; zooming requires a key or two fingers.
        cooperativeGestures: true,
        canvasContextAttributes: { preserveDrawingBuffer: true, antialias: true },
        fadeDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 300,
        // A tile server that requires the site of its caller gets the origin, and no path.
        transformRequest: (url) => ({ url, referrerPolicy: "origin" }),
        locale: { "Map.Title": t.canvas, ...t.gestures },
      })
    } catch {
      current.current.onFailed()
      return
    }
    made.touchZoomRotate.disableRotation()
    made.keyboard.disableRotation()
    made.addControl(new parts.library.maplibre.ScaleControl({ maxWidth: 90 }), "bottom-left")
    made.on("click", (event) => {
      const [hit] = made.getLayer(CIRCLES)
        ? made.queryRenderedFeatures(event.point, { layers: [CIRCLES] })
        : []
      current.current.onChoose((hit?.properties.id as string | undefined) ?? null)
    })
    made.on("mouseenter", CIRCLES, () => {
      made.getCanvas().style.cursor = "pointer"
    })
    made.on("mouseleave", CIRCLES, () => {
      made.getCanvas().style.cursor = ""
    })
    made.on("error", (event) => {
      if ("sourceId" in event && event.sourceId === TILES) setTileError(true)
      else console.error(event.error)
    })
    setMap(made)
    return () => {
      setMap(null)
      made.remove()
    }
  }, [parts])

  const data = useMemo(() => buildCircles(circles, chosen), [circles, chosen])
  // The view follows the places, and not the choice of a species.
  const places = circles.map((one) => `${one.longitude} ${one.latitude}`).join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: only other places move the lines
  const graticule = useMemo(() => buildGraticule(findBounds(circles)), [places])
  const latest = useRef(data)
  latest.current = data
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes the colours
  useEffect(() => {
    const element = frame.current
    if (!map || !parts || !element) return
    const colours = readMapColours(element)
    const ground = buildMapStyle(colours, parts.land, parts.content, graticule)
    const style: StyleSpecification = {
      ...ground,
      sources: { ...ground.sources, [CIRCLES]: { type: "geojson", data: latest.current } },
      layers: [...ground.layers, ...buildCircleLayers(colours, resolveColour(element, fill))],
    }
    // A style that is still loading cannot be compared with another one.
    map.setStyle(style, { diff: map.isStyleLoaded() === true })
    const onIdle = () => setLoaded(true)
    map.once("idle", onIdle)
    return () => {
      map.off("idle", onIdle)
    }
  }, [map, parts, fill, theme, graticule])

  useEffect(() => {
    const source = map?.getSource(CIRCLES)
    if (source && "setData" in source)
      (source as { setData: (data: unknown) => void }).setData(data)
  }, [map, data])

  const fit = () =>
    map?.fitBounds(findBounds(current.current.circles), { padding: PADDING, maxZoom: 15 })
  // biome-ignore lint/correctness/useExhaustiveDependencies: only other places move the map
  useEffect(() => {
    map?.fitBounds(findBounds(circles), { padding: PADDING, maxZoom: 15, animate: false })
  }, [map, places])

  useEffect(() => {
    const place = current.current.circles.find((one) => one.id === chosen)
    if (!map || !place) return
    const at = { lng: place.longitude, lat: place.latitude }
    if (!map.getBounds().contains(at)) map.easeTo({ center: at })
  }, [map, chosen])

  const attribution = tiles?.attribution ?? ""
  useImperativeHandle(handle, () => ({
    savePng: (name) => {
      if (map) savePng(map.getCanvas(), name, attribution)
    },
  }))

  return (
    <div className="circle-map" style={{ height }}>
      <div
        ref={frame}
        className={isLoaded ? "circle-map-frame" : "circle-map-frame skeleton"}
        role="group"
        aria-label={label}
        data-map={isLoaded ? "drawn" : "loading"}
      />
      {map && (
        <div className="circle-map-buttons">
          <IconButton label={t.zoomIn} onClick={() => map.zoomIn()}>
            <Plus size={16} />
          </IconButton>
          <IconButton label={t.zoomOut} onClick={() => map.zoomOut()}>
            <Minus size={16} />
          </IconButton>
          <IconButton label={t.fit} onClick={fit}>
            <Scan size={16} />
          </IconButton>
        </div>
      )}
      <p className="circle-map-source">
        {hasTileError && <span className="amber">{t.tilesFailed} </span>}
        {attribution && parts?.content
          ? splitUrls(attribution).map((part, at) =>
              at % 2 === 1 ? (
                <a key={part} href={part} target="_blank" rel="noreferrer">
                  {part.replace(/^https?:\/\//, "")}
                </a>
              ) : (
                part
              ),
            )
          : t.source}
      </p>
    </div>
  )
}

/** Save a canvas with the source of its tiles, which their licence can require. */
function savePng(from: HTMLCanvasElement, name: string, attribution: string): void {
  const canvas = document.createElement("canvas")
  canvas.width = from.width
  canvas.height = from.height
  const context = canvas.getContext("2d")
  if (!context) return
  context.drawImage(from, 0, 0)
  if (attribution) {
    const size = Math.round(11 * devicePixelRatio)
    context.font = `${size}px sans-serif`
    context.textAlign = "right"
    context.lineWidth = size / 4
    context.strokeStyle = "white"
    context.fillStyle = "black"
    context.strokeText(attribution, canvas.width - size, canvas.height - size)
    context.fillText(attribution, canvas.width - size, canvas.height - size)
  }
  canvas.toBlob((png) => png && saveFile(`${name}.png`, png), "image/png")
}
