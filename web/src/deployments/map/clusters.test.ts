import { expect, test } from "vitest"
import type { Deployment } from "../../api/types"
import { buildClusters, listDeploymentPoints } from "./clusters"
import { fromScreen } from "./projection"

const size = { width: 600, height: 400 }
const view = { x: 0.5, y: 0.5, scale: 10_000 }

const deployment = (name: string, latitude: number | null = 0, longitude: number | null = 0) =>
  ({ id: name, name, latitude, longitude }) as Deployment

/** A deployment at a position on the screen. */
const at = (name: string, x: number, y: number) => ({
  deployment: deployment(name),
  point: fromScreen({ x, y }, view, size),
})

test("a deployment without coordinates is not on the map", () => {
  const points = listDeploymentPoints([deployment("a"), deployment("b", null, null)])
  expect(points.map((one) => one.deployment.name)).toEqual(["a"])
  expect(points[0]?.point).toEqual({ x: 0.5, y: 0.5 })
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
