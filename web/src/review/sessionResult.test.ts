import { expect, test } from "vitest"
import type { Image } from "../api/types"
import {
  type CountedStep,
  countDecided,
  estimateMinutesLeft,
  listSpeciesResults,
  sumActiveTime,
} from "./sessionResult"

const step = (unit: string, name: string | null, at: number, change: Partial<CountedStep> = {}) =>
  ({
    kind: name ? "correct" : "blank",
    unit: { key: unit },
    species: name ? [{ name, shown: name, image: { id: unit, starred: false } as Image }] : [],
    images: 3,
    at: at * 1000,
    ...change,
  }) as CountedStep

test("species are counted once in each unit, by the last decision about it", () => {
  const steps = [
    step("a", "deer", 0),
    step("b", "fox", 1),
    step("c", "fox", 2),
    step("a", "fox", 3),
    step("b", null, 4, { kind: "comment" }),
    step("d", null, 5),
  ]
  expect(listSpeciesResults(steps).map(({ name, units }) => [name, units])).toEqual([["fox", 3]])
})

test("a starred image represents its species", () => {
  const starred = { id: "b", starred: true } as Image
  const steps = [
    step("a", "deer", 0),
    step("b", "deer", 1, { species: [{ name: "deer", shown: "Roe deer", image: starred }] }),
  ]
  expect(listSpeciesResults(steps)[0]?.image.id).toBe("b")
})

test("long pauses are not part of the time", () => {
  expect(sumActiveTime([step("a", "x", 0), step("b", "x", 10), step("c", "x", 1000)])).toBe(10_000)
})

test("the time left follows the present rate", () => {
  const steps = ["a", "b", "c", "d", "e", "f"].map((unit, at) => step(unit, "x", 2 * at))
  // Three images take two seconds.
  expect(estimateMinutesLeft(steps, 900)).toBe(10)
  expect(estimateMinutesLeft(steps, 1)).toBe(1)
  expect(estimateMinutesLeft(steps, 0)).toBeNull()
  expect(estimateMinutesLeft(steps.slice(0, 4), 900)).toBeNull()
  // The rest of a review set is counted in items: one takes two seconds.
  expect(estimateMinutesLeft(steps, 300, true)).toBe(10)
})

test("a unit that was decided twice counts once, and a comment or a box does not count", () => {
  const steps = [
    step("a", "deer", 0),
    step("a", "fox", 1),
    step("b", null, 2, { kind: "comment" }),
    step("c", null, 3, { kind: "box" }),
  ]
  expect(countDecided(steps)).toBe(3)
  expect(countDecided(steps, true)).toBe(1)
})
