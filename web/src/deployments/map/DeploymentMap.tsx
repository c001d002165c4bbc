/** Deployments on a simple map with a graticule and a scale bar. It loads no map tiles. */
import { Minus, Plus, Scan } from "lucide-react"
import { type ReactNode, useEffect, useMemo, useRef } from "react"
import type { Deployment } from "../../api/types"
import { IconButton } from "../../ui/Button"
import { locationTexts } from "../en"
import { isExact } from "../locationPrecision"
import { buildClusters, type Cluster, listDeploymentPoints, listExtents } from "./clusters"
import { mapTexts as t } from "./en"
import { buildGraticule, buildScale, LABEL_GAP } from "./graticule"
import "./map.css"
import { type Coordinates, project, toScreen, unproject } from "./projection"
import { useMapView } from "./useMapView"
import "../deployments.css"

interface DeploymentMapProps {
  deployments: Deployment[]
  label: string
  chosen?: string | null
  /** The deployment that is highlighted elsewhere, such as in the list. */
  lit?: string | null
  onChoose?: (id: string | null) => void
  onLit?: (id: string | null) => void
  /** Whether the map is read-only: no zooming and no panning. */
  still?: boolean
  /**
   * A position marked with a cross, and the function called with the position that the user
   * clicked.
   */
  mark?: Coordinates | null
  onPlace?: (place: Coordinates) => void
  /** Content over a corner of the map. */
  children?: ReactNode
}

/** Height in pixels that the card of the selected deployment can cover at the bottom. */
const CARD = 150

/** Return the text of the mark of a rounded location; undefined if it is exact. */
const getBadge = ({ location_precision: precision }: Deployment) =>
  precision === "exact" ? undefined : locationTexts.badges[precision]
const isSilent = (one: Cluster) => one.members.some((member) => member.deployment.silent_since)

export function DeploymentMap({
  deployments,
  label,
  chosen = null,
  lit = null,
  onChoose,
  onLit,
  still,
  mark,
  onPlace,
  children,
}: DeploymentMapProps) {
  const frame = useRef<HTMLDivElement>(null)
  const placed = useMemo(() => listDeploymentPoints(deployments), [deployments])
  const marked = mark ? project(mark) : null
  // The marked position does not move the map while the user sets it: the view is fitted to it only
  // if there is nothing else.
  const points = placed.length > 0 || !marked ? listExtents(placed) : [marked]
  const { view, size, zoomIn, zoomOut, fit, show, reveal, bind } = useMapView(frame, points, {
    still,
    wheel: !onPlace,
    onPress: onPlace ? (point) => onPlace(unproject(point)) : undefined,
  })
  const seen = size.width > 0
  const clusters = useMemo(
    () => (seen ? buildClusters(placed, view, size, chosen) : []),
    [placed, view, size, chosen, seen],
  )
  const lines = useMemo(
    () => (seen ? buildGraticule(view, size) : { meridians: [], parallels: [] }),
    [view, size, seen],
  )
  const areas = seen
    ? placed
        .filter((one) => one.radius > 0)
        .map(({ deployment, point, radius }) => ({
          id: deployment.id,
          at: toScreen(point, view, size),
          radius: radius * view.scale,
        }))
    : []
  const bar = seen ? buildScale(view) : null

  const target = placed.find((one) => one.deployment.id === chosen)
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new selection moves the map, which the user can then move away
  useEffect(() => {
    if (!target || !seen) return
    const at = toScreen(target.point, view, size)
    if (at.x < 0 || at.y < 0 || at.x > size.width || at.y > size.height - CARD) reveal(target.point)
  }, [chosen, seen])

  const press = (one: Cluster) => {
    const [first] = one.members
    if (!first) return
    const apart = one.members.some(
      (member) =>
        Math.hypot(member.point.x - first.point.x, member.point.y - first.point.y) * 40_075_016 > 3,
    )
    if (one.members.length > 1 && still) {
      onChoose?.(null)
      return
    }
    if (one.members.length > 1 && apart) {
      show(one.members.map((member) => member.point))
      return
    }
    // Further clicks select the deployments of a cluster in turn.
    const at = one.members.findIndex((member) => member.deployment.id === chosen)
    const next = one.members[(at + 1) % one.members.length]
    onChoose?.(next?.deployment.id ?? null)
  }
  const cross = marked && seen ? toScreen(marked, view, size) : null
  return (
    <div className={still ? "map map-still" : "map"} data-testid="map">
      <div
        ref={frame}
        className="map-frame"
        role="group"
        aria-label={label}
        aria-roledescription={t.map}
        tabIndex={still ? undefined : 0}
        title={still ? undefined : onPlace ? t.placeKeys : undefined}
        {...bind}
      >
        <svg aria-hidden>
          {lines.meridians.map((line) => (
            <path key={`m${line.at}`} d={`M${line.at} 0V${size.height}`} />
          ))}
          {lines.parallels.map((line) => (
            <path key={`p${line.text}`} d={`M0 ${line.at}H${size.width}`} />
          ))}
          {areas.map((one) => (
            <circle
              key={one.id}
              className={one.id === chosen || one.id === lit ? "map-area map-area-lit" : "map-area"}
              cx={one.at.x}
              cy={one.at.y}
              r={one.radius}
              data-area={one.id}
            />
          ))}
          {lines.meridians.map((line) => (
            <text key={`m${line.at}`} x={line.at + LABEL_GAP} y={size.height - 6}>
              {line.text}
            </text>
          ))}
          {lines.parallels.map((line) => (
            <text key={`p${line.text}`} x={6} y={line.at - 4}>
              {line.text}
            </text>
          ))}
        </svg>
        {clusters.map((one) => {
          const [first] = one.members
          if (!first) return null
          const ids = one.members.map((member) => member.deployment.id)
          const many = one.members.length > 1
          const classes = [
            "map-point",
            many ? "map-cluster" : "",
            isSilent(one) ? "map-silent" : "",
            !many && !isExact(first.deployment) ? "map-rounded" : "",
            ids.includes(chosen ?? "") ? "map-chosen" : "",
            ids.includes(lit ?? "") ? "map-highlighted" : "",
            one.isBefore ? "map-before" : "",
          ]
          const said = many
            ? t.together(one.members.length, isSilent(one))
            : t.one(first.deployment.name, isSilent(one), getBadge(first.deployment))
          return (
            <button
              key={one.key}
              type="button"
              className={classes.filter(Boolean).join(" ")}
              style={{ left: one.at.x, top: one.at.y }}
              aria-label={said}
              title={
                many
                  ? one.members
                      .slice(0, 8)
                      .map((member) => member.deployment.name)
                      .join(", ")
                  : undefined
              }
              aria-pressed={many ? undefined : ids[0] === chosen}
              disabled={Boolean(onPlace)}
              data-deployment={many ? undefined : ids[0]}
              onClick={() => press(one)}
              onMouseEnter={() => onLit?.(many ? null : (ids[0] ?? null))}
              onMouseLeave={() => onLit?.(null)}
              onFocus={() => onLit?.(many ? null : (ids[0] ?? null))}
              onBlur={() => onLit?.(null)}
            >
              <i>{many ? one.members.length : null}</i>
              {one.label && <span aria-hidden>{one.label}</span>}
            </button>
          )
        })}
        {cross && (
          <span
            className="map-cross"
            style={{ left: cross.x, top: cross.y }}
            data-testid="map-cross"
            aria-hidden
          />
        )}
      </div>
      {bar && (
        <div
          className="map-scale"
          style={{ width: bar.width }}
          aria-label={t.scale(bar.text)}
          role="img"
        >
          {bar.text}
        </div>
      )}
      {!still && (
        <div className="map-buttons">
          <IconButton label={t.zoomIn} onClick={zoomIn}>
            <Plus size={17} />
          </IconButton>
          <IconButton label={t.zoomOut} onClick={zoomOut}>
            <Minus size={17} />
          </IconButton>
          <IconButton label={t.fit} onClick={fit}>
            <Scan size={17} />
          </IconButton>
        </div>
      )}
      {children}
    </div>
  )
}
