import { expect, test } from "vitest"
import type { Deployment } from "../../api/types"
import { buildClusters, listDeploymentPoints, listExtents } from "./clusters"
import { fromScreen } from "./projection"

const size = { width: 600, height: 400 }
const view = { x: 0.5, y: 0.5, scale: 10_000 }

const deployment = (name: string, latitude: number | null = 0, longitude: number | null = 0) =>
  ({ id: name, name, latitude, longitude, location_precision: "exact" }) as Deployment

/** A deployment at a position on the screen. */
const at = (name: string, x: number, y: number) => ({
  deployment: deployment(name),
  point: fromScreen({ x, y }, view, size),
  radius: 0,
})

test("a deployment without coordinates is not on the map", () => {
  const points = listDeploymentPoints([deployment("a"), deployment("b", null, null)])
  expect(points.map((one) => one.deployment.name)).toEqual(["a"])
  expect(points[0]?.point).toEqual({ x: 0.5, y: 0.5 })
})

test("a rounded location is an area that the map shows as a whole", () => {
  const rounded: Deployment = {
    ...deployment("b", 60, 0),
    location_precision: "0.1",
    coordinate_uncertainty_m: 7910,
  }
  const [exact, area] = listDeploymentPoints([deployment("a"), rounded])
  expect(exact?.radius).toBe(0)
  // At 60° the world is half as wide as at the equator: 20,038 km.
  expect(area?.radius).toBeCloseTo(7.91 / 20_037.5, 8)
  const [first, corner, opposite] = listExtents([exact, area].filter((one) => one !== undefined))
  expect(first).toEqual({ x: 0.5, y: 0.5 })
  expect((opposite?.x ?? 0) - (corner?.x ?? 0)).toBeCloseTo((2 * 7.91) / 20_037.5, 8)
})

test("deployments nearer than 44 px are one cluster without a name", () => {
  const clusters = buildClusters(
    [at("a", 100, 100), at("b", 143, 100), at("c", 300, 100)],
    view,
    size,
    null,
  )
  expect(clusters.map((one) => one.members.map((member) => member.deployment.name))).toEqual([
    ["a", "b"],
    ["c"],
  ])
  expect(clusters.map((one) => one.label)).toEqual([null, "c"])
})

test("a deployment outside the map is left out", () => {
  expect(buildClusters([at("a", -100, 100)], view, size, null)).toEqual([])
})

test("a name is on the left if it has no room on the right", () => {
  const [cluster] = buildClusters([at("north", 590, 100)], view, size, null)
  expect(cluster).toMatchObject({ label: "north", isBefore: true })
})

test("names do not overlap, and the selected one has room first", () => {
  const points = [at("first long name", 300, 100), at("second long name", 300, 146)]
  const crowd = [...points, at("x", 345, 100), at("y", 255, 100)]
  const clusters = buildClusters(crowd, view, size, "first long name")
  expect(clusters.find((one) => one.key === "first long name")?.label).toBe("first long name")
})
