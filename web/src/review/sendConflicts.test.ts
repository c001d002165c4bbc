import { expect, test } from "vitest"
import type { Identification, NewIdentification } from "../api/types"
import { isSameStatement } from "./sendConflicts"

const theirs = (change: Partial<Identification>) =>
  ({
    kind: "correct",
    annotation_id: null,
    taxon_id: null,
    label: "red fox",
    count: null,
    taxa: [],
    ...change,
  }) as unknown as Identification
const mine = (change: Partial<NewIdentification>): NewIdentification => ({
  kind: "correct",
  label: "red fox",
  annotations: [],
  images: [],
  sequences: [],
  ...change,
})

test("decisions about one box and about a whole image never say the same", () => {
  expect(isSameStatement(theirs({}), mine({ images: ["image"] }))).toBe(true)
  expect(isSameStatement(theirs({ annotation_id: "a" }), mine({ images: ["image"] }))).toBe(false)
  expect(isSameStatement(theirs({}), mine({ annotations: ["a"] }))).toBe(false)
  expect(isSameStatement(theirs({ annotation_id: "a" }), mine({ annotations: ["a"] }))).toBe(true)
  expect(isSameStatement(theirs({ label: "hare" }), mine({ images: ["image"] }))).toBe(false)
})
