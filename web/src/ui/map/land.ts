/** Coarse land of Natural Earth (public domain), loaded with the first map. */
import type { GeoJsonObject } from "geojson"
import { feature } from "topojson-client"
import type { Topology } from "topojson-specification"
import url from "world-atlas/land-50m.json?url"

let land: Promise<GeoJsonObject> | null = null

export function loadLand(): Promise<GeoJsonObject> {
  land ??= fetch(url)
    .then((response) => response.json() as Promise<Topology>)
    .then((topology) => {
      const object = topology.objects.land
      if (!object) throw new Error("The file of the land contains no land.")
      return feature(topology, object)
    })
  return land
}
