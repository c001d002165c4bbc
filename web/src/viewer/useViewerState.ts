/** The display options of the viewer, which are in the URL so that it can be shared. */
import { useMemo } from "react"
import type { ImageDetail, Observation } from "../api/types"
import { useUrlQuery } from "../ui/urlQuery"
import { COLOUR_MAPS, type ColourMap } from "./colourMaps"

export const DEFAULT_OPACITY = 45
/** In place of an analysis ID: show the original image. */
export const NO_ANALYSIS = "none"
/** The value of the parameter `show` for the output of models. */
const MODELS = "models"
/** Parameters that are kept when the user opens the next image. */
const STORAGE_KEY = ["in", "confidence", "show", "off", "types", "boxes", "info", "opacity", "map"]

export interface CompareMode {
  left: string
  right: string
}

export interface ViewerState {
  least: number
  offClasses: ReadonlySet<string>
  offTypes: ReadonlySet<string>
  /** The analyses that are shown. */
  shown: ReadonlySet<string>
  beside: CompareMode | null
  /** Whether the output of models is shown in place of the observations. */
  models: boolean
  overlays: boolean
  panel: boolean
  opacity: number
  map: ColourMap | null
}

export interface ViewerStateUpdate {
  setLeast: (least: number) => void
  toggleClass: (name: string) => void
  toggleType: (type: string) => void
  toggleAnalysis: (id: string) => void
  setBeside: (beside: CompareMode | null) => void
  setModels: (on: boolean) => void
  flip: (what: "boxes" | "info") => void
  setOpacity: (opacity: number) => void
  setMap: (map: ColourMap) => void
  showAll: () => void
}

const parseShare = (text: string | null, usual: number) => {
  const value = Number(text ?? usual)
  return (Number.isFinite(value) ? Math.min(Math.max(value, 0), 100) : usual) / 100
}

function parseComparison(search: URLSearchParams, image: ImageDetail): CompareMode | null {
  const [left, right] = [search.get("left"), search.get("right")]
  const known = (one: string | null): one is string =>
    one === NO_ANALYSIS || image.analyses.some(({ id }) => id === one)
  return known(left) && known(right) ? { left, right } : null
}

function parseShown(
  search: URLSearchParams,
  image: ImageDetail,
  beside: CompareMode | null,
  observed: readonly Observation[],
): Set<string> {
  if (beside) return new Set([beside.left, beside.right].filter((one) => one !== NO_ANALYSIS))
  if (search.has("analysis"))
    return new Set(
      search.getAll("analysis").filter((one) => image.analyses.some(({ id }) => id === one)),
    )
  const newest =
    image.analyses.find((analysis) => analysis.status === "completed" && !analysis.simulated) ??
    image.analyses[0]
  const found = search.get("show") === MODELS ? [] : observed.map((one) => one.analysis_id)
  return new Set([...(newest ? [newest.id] : []), ...found.filter((id) => id !== null)])
}

/** Return the two analyses that are compared at first, the older one on the left. */
export function getDefaultComparison(
  image: ImageDetail,
  shown: ReadonlySet<string>,
): CompareMode | null {
  const order = [
    ...image.analyses.filter(({ id }) => shown.has(id)),
    ...image.analyses.filter(({ id }) => !shown.has(id)),
  ]
  const two = order.slice(0, 2).sort((a, b) => a.created_at.localeCompare(b.created_at))
  if (!two[0]) return null
  return two[1] ? { left: two[0].id, right: two[1].id } : { left: NO_ANALYSIS, right: two[0].id }
}

/**
 * `observed` are the observations of the image, and `threshold` is the project's detection
 * threshold, from which on the output of models is shown.
 */
export function useViewerState(
  image: ImageDetail | undefined,
  observed: readonly Observation[],
  threshold: number,
): {
  sight: ViewerState
  change: ViewerStateUpdate
  keep: (path: string) => string
} {
  const [search, setSearch] = useUrlQuery()
  const sight = useMemo((): ViewerState => {
    const beside = image ? parseComparison(search, image) : null
    const models = beside !== null || search.has("analysis") || search.get("show") === MODELS
    return {
      least: parseShare(search.get("confidence"), models ? 100 * threshold : 0),
      offClasses: new Set(search.getAll("off")),
      offTypes: new Set(search.getAll("types")),
      shown: image ? parseShown(search, image, beside, observed) : new Set(),
      beside,
      models,
      overlays: search.get("boxes") !== "0",
      panel: search.get("info") !== "0",
      opacity: parseShare(search.get("opacity"), DEFAULT_OPACITY),
      map: COLOUR_MAPS.find((map) => map === search.get("map")) ?? null,
    }
  }, [image, search, observed, threshold])
  const set = (change: (next: URLSearchParams) => void) => setSearch(change, { replace: true })
  const toggle = (key: string, values: ReadonlySet<string>, value: string) =>
    set((next) => {
      next.delete(key)
      const all = new Set(values)
      if (!all.delete(value)) all.add(value)
      for (const one of all) next.append(key, one)
      if (key === "analysis" && all.size === 0) next.append(key, "")
    })
  const change: ViewerStateUpdate = {
    setLeast: (least) => set((next) => next.set("confidence", String(Math.round(least * 100)))),
    toggleClass: (name) => toggle("off", sight.offClasses, name),
    toggleType: (type) => toggle("types", sight.offTypes, type),
    toggleAnalysis: (id) => toggle("analysis", sight.shown, id),
    setBeside: (beside) =>
      set((next) => {
        next.delete("left")
        next.delete("right")
        if (beside) {
          next.set("left", beside.left)
          next.set("right", beside.right)
        }
      }),
    setModels: (on) =>
      set((next) => {
        for (const key of ["show", "analysis", "left", "right"]) next.delete(key)
        if (on) next.set("show", MODELS)
      }),
    flip: (what) =>
      set((next) =>
        (what === "boxes" ? sight.overlays : sight.panel) ? next.set(what, "0") : next.delete(what),
      ),
    setOpacity: (opacity) => set((next) => next.set("opacity", String(Math.round(opacity * 100)))),
    setMap: (map) => set((next) => next.set("map", map)),
    showAll: () =>
      set((next) => {
        next.set("confidence", "0")
        next.delete("off")
        next.delete("types")
      }),
  }
  const keep = (path: string) => {
    const kept = new URLSearchParams()
    for (const key of STORAGE_KEY) for (const value of search.getAll(key)) kept.append(key, value)
    const text = kept.toString()
    return text ? `${path}?${text}` : path
  }
  return { sight, change, keep }
}
