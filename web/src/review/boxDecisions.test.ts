import { describe, expect, test } from "vitest"
import type { Annotation, Observation } from "../api/types"
import {
  applyBoxes,
  applyBoxesToObservations,
  generateBoxId,
  invertBoxDecision,
  isFulfilled,
} from "./boxDecisions"
import type { BoxDecision, BoxValues } from "./decisions"

const at = (x: number): BoxValues => ({
  box: { x_min: x, y_min: 0, x_max: x + 10, y_max: 10 },
  taxon: null,
  label: "hare",
  count: null,
  sex: null,
  life_stage: null,
  behaviour: null,
  individual_id: null,
})

const decide = (change: Partial<BoxDecision>): BoxDecision => ({
  act: "box",
  number: 1,
  user: "u",
  key: "k",
  madeAt: 1,
  attempts: 0,
  state: "waiting",
  project: 1,
  image: "i",
  filename: "f",
  target: "hare",
  id: "b",
  before: null,
  after: at(0),
  supersedes: null,
  by: "Ann",
  version: 0,
  made: null,
  ...change,
})

const stored = (id: string, x: number, version = 1) =>
  ({ id, version, class_name: "hare", data: at(x).box, stated: null }) as unknown as Annotation
const observe = (id: string | null, kind = "animal") =>
  ({ annotation_id: id, image_id: "i", kind, name: "fox" }) as unknown as Observation
const listPlaces = (boxes: Annotation[]) => boxes.map(({ id, data }) => [id, data.x_min])

describe("boxes that are queued", () => {
  test("are shown with their last values, until newer data are fetched", () => {
    const moves = [decide({}), decide({ before: at(0), after: at(5) })]
    expect(listPlaces(applyBoxes([stored("a", 1)], moves, 100))).toEqual([
      ["a", 1],
      ["b", 5],
    ])
    const sent = [decide({ state: "sent", sentAt: 50, made: stored("b", 0) })]
    expect(listPlaces(applyBoxes([], sent, 40))).toEqual([["b", 0]])
    expect(listPlaces(applyBoxes([stored("b", 7, 2)], sent, 60))).toEqual([["b", 7]])
    expect(applyBoxes([], [decide({ state: "refused" })], 0)).toEqual([])
    const gone = [decide({ before: at(1), after: null, id: "a" })]
    expect(applyBoxes([stored("a", 1)], gone, 100)).toEqual([])
  })
  test("replace observations of the boxes that they supersede, and of a blank image", () => {
    const ids = (found: Observation[]) => found.map((one) => one.annotation_id)
    const model = [observe("m"), observe("n")]
    const corrected = decide({ supersedes: "m" })
    expect(ids(applyBoxesToObservations(model, [corrected], 0))).toEqual(["n", "b"])
    const undone = decide({ ...invertBoxDecision(corrected), number: 2, key: "l" })
    expect(ids(applyBoxesToObservations(model, [corrected, undone], 0))).toEqual(["m", "n"])
    expect(ids(applyBoxesToObservations([observe(null, "blank")], [decide({})], 0))).toEqual(["b"])
  })
  test("are undone by the opposite decision", () => {
    const move = decide({ before: at(0), after: at(5), version: 3 })
    const back = invertBoxDecision(move)
    expect([back.before, back.after, back.id, back.version]).toEqual([at(5), at(0), "b", 3])
    expect(invertBoxDecision(decide({})).after).toBeNull()
  })
  test("are no conflict if the server has them already", () => {
    expect(isFulfilled(decide({ after: at(5) }), stored("b", 5, 9))).toBe(true)
    expect(isFulfilled(decide({ after: at(5) }), stored("b", 6, 9))).toBe(false)
    expect(isFulfilled(decide({ after: at(5) }), null)).toBe(false)
    expect(isFulfilled(decide({ after: null }), null)).toBe(true)
    expect(isFulfilled(decide({ after: null }), stored("b", 5))).toBe(false)
  })
  test("have random IDs", () => {
    expect(generateBoxId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/)
    expect(generateBoxId()).not.toBe(generateBoxId())
  })
})
