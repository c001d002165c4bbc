/** Clusters deployments that are near each other, and decides which names fit on the map. */
import type { Deployment } from "../../api/types"
import { isExact } from "../locationPrecision"
import { type Point, project, projectLength, type Size, toScreen, type View } from "./projection"

/** Points nearer than this, in pixels, cannot be tapped separately. */
const CLUSTER_DISTANCE = 44
const LETTER_WIDTH = 7.2
const LINE_HEIGHT = 20
const MAX_LABEL_WIDTH = 180
/** Minimum distance of a name from the edge of the map, in pixels. */
const EDGE = 6

export interface DeploymentPoint {
  deployment: Deployment
  point: Point
  /** Radius of the area of a rounded location as a fraction of the world's width; 0 if exact. */
  radius: number
}

export interface Cluster {
  key: string
  at: Point
  members: DeploymentPoint[]
  label: string | null
  /** Whether the name is to the left of the point because there is no room to the right. */
  isBefore: boolean
}

/** Return the deployments whose position is known. */
export function listDeploymentPoints(deployments: Deployment[]): DeploymentPoint[] {
  return deployments.flatMap((deployment) =>
    deployment.latitude === null || deployment.longitude === null
      ? []
      : [
          {
            deployment,
            point: project({ latitude: deployment.latitude, longitude: deployment.longitude }),
            radius: isExact(deployment)
              ? 0
              : projectLength(deployment.coordinate_uncertainty_m ?? 0, deployment.latitude),
          },
        ],
  )
}

/** Return the corners of the areas of the deployments, which a map must show as a whole. */
export function listExtents(placed: DeploymentPoint[]): Point[] {
  return placed.flatMap(({ point: { x, y }, radius }) =>
    radius === 0
      ? [{ x, y }]
      : [
          { x: x - radius, y: y - radius },
          { x: x + radius, y: y + radius },
        ],
  )
}

interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

const overlaps = (one: Box, other: Box) =>
  one.left < other.right &&
  other.left < one.right &&
  one.top < other.bottom &&
  other.top < one.bottom

/** Cluster the visible points. The name of the selected deployment always fits. */
export function buildClusters(
  placed: DeploymentPoint[],
  view: View,
  size: Size,
  chosen: string | null,
): Cluster[] {
  const made: Cluster[] = []
  for (const one of placed) {
    const at = toScreen(one.point, view, size)
    if (
      at.x < -CLUSTER_DISTANCE ||
      at.y < -CLUSTER_DISTANCE ||
      at.x > size.width + CLUSTER_DISTANCE ||
      at.y > size.height + CLUSTER_DISTANCE
    )
      continue
    const near = made.find(
      (other) => Math.hypot(other.at.x - at.x, other.at.y - at.y) < CLUSTER_DISTANCE,
    )
    if (near) near.members.push(one)
    else made.push({ key: one.deployment.id, at, members: [one], label: null, isBefore: false })
  }
  const taken: Box[] = made.map(({ at }) => ({
    left: at.x - 10,
    right: at.x + 10,
    top: at.y - 10,
    bottom: at.y + 10,
  }))
  const isChosen = (one: Cluster) => one.members.some((member) => member.deployment.id === chosen)
  for (const one of [...made].sort(
    (first, second) => Number(isChosen(second)) - Number(isChosen(first)),
  )) {
    const [first] = one.members
    if (!first || one.members.length > 1) continue
    const width = Math.min(first.deployment.name.length * LETTER_WIDTH, MAX_LABEL_WIDTH)
    const { x, y } = one.at
    const line = { top: y - LINE_HEIGHT / 2, bottom: y + LINE_HEIGHT / 2 }
    const behind = { left: x + 12, right: x + 14 + width, ...line }
    const before = { left: x - 14 - width, right: x - 12, ...line }
    const free = [behind, before].find(
      (box) =>
        box.left >= EDGE &&
        box.right <= size.width - EDGE &&
        !taken.some((other) => overlaps(box, other)),
    )
    if (!free && !isChosen(one)) continue
    one.label = first.deployment.name
    one.isBefore = free === before
    taken.push(free ?? behind)
  }
  return made
}
