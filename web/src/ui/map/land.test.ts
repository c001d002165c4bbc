import { afterEach, expect, test, vi } from "vitest"
import { loadLand } from "./land"

afterEach(() => void vi.unstubAllGlobals())

test("land that could not be loaded is loaded for the next map", async () => {
  const topology = {
    type: "Topology",
    objects: { land: { type: "Point", coordinates: [10, 50] } },
    arcs: [],
  }
  const answers = [Promise.reject(new Error("offline")), Promise.resolve(Response.json(topology))]
  vi.stubGlobal("fetch", () => answers.shift())
  await expect(loadLand()).rejects.toThrow("offline")
  expect(await loadLand()).toMatchObject({ geometry: { coordinates: [10, 50] } })
  // Later maps share what was loaded.
  expect(await loadLand()).toBe(await loadLand())
})
