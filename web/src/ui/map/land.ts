/** Coarse land of Natural Earth (public domain), loaded with the first map. */
import type { GeoJsonObject } from "geojson"
import { feature } from "topojson-client"
import type { Topology } from "topojson-specification"
import url from "world-atlas/land-50m.json?url"

let land: Promise<GeoJsonObject> | null = null

async function readLand(): Promise<GeoJsonObject> {
  const topology = (await (await fetch(url)).json()) as Topology
  const object = topology.objects.land
  if (!object) throw new Error("The file of the land contains no land.")
  return feature(topology, object)
}

export function loadLand(): Promise<GeoJsonObject> {
  land ??= readLand().catch((error: unknown) => {
    // The next map tries again.
    land = null
    throw error
  })
  return land
}
