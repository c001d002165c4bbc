import { expect, test } from "vitest"
import { assignColours } from "./classColours"

const CLASSES = "fox deer badger hare lynx wolf bear marten stoat owl".split(" ")

test("each of the most frequent classes has a separate colour", () => {
  expect(new Set(assignColours(CLASSES).values()).size).toBe(CLASSES.length)
})

test("colours do not depend on the order of the classes", () => {
  const sorted = (names: string[]) => [...assignColours(names)].sort()
  expect(sorted([...CLASSES].reverse())).toEqual(sorted(CLASSES))
})

test("a class keeps its colour where no other class takes it", () => {
  const alone = assignColours(["fox"]).get("fox")
  expect(assignColours(["fox", "person"]).get("fox")).toBe(alone)
})

test("people and vehicles have fixed colours, which are not assigned", () => {
  expect([...assignColours(["Person", "vehicle", "fox"]).keys()]).toEqual(["fox"])
})
