import { expect, test } from "vitest"
import { NO_FILTER } from "../images/queries"
import { cutRange, formatConditions, listLoadedRange } from "./selectionRange"

const load = (...places: [number, string][]) => new Map(places.map(([at, id]) => [at, { id }]))

test("a range starts at the image that was selected, wherever it is now", () => {
  const loaded = load([0, "new"], [1, "a"], [2, "b"], [3, "c"])
  expect(listLoadedRange(loaded, "a", 3)).toEqual(["a", "b", "c"])
  expect(listLoadedRange(loaded, "c", 2)).toEqual(["b", "c"])
})

test("a range with images that are not loaded is not cut silently", () => {
  expect(listLoadedRange(load([0, "a"], [2, "c"]), "a", 2)).toBeNull()
  expect(listLoadedRange(load([2, "c"]), "a", 2)).toBeNull()
})

test("a fetched range ends at both images, also among images of the same time", () => {
  expect(cutRange(["x", "b", "c", "d", "y"], "d", "b")).toEqual(["b", "c", "d"])
  expect(cutRange(["b", "c"], "a", "c")).toBeNull()
})

test("filters with the same conditions are equal in any order of images", () => {
  const fox = { ...NO_FILTER, class: "fox" }
  expect(formatConditions({ ...fox, order: "captured_at" })).toBe(formatConditions(fox))
  expect(formatConditions(fox)).not.toBe(formatConditions(NO_FILTER))
})
