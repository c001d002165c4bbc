import { expect, test } from "vitest"
import type { Identification } from "../api/types"
import type { Decision } from "./decisions"
import { findMade, selectBatch } from "./outboxBatches"

const decide = (image: string, change: object = {}) =>
  ({
    act: "identify",
    project: 1,
    image,
    key: image,
    seen: "2026-05-01T12:00:00Z",
    attempts: 0,
    state: "waiting",
    body: { kind: "blank", annotations: [], images: [image], sequences: [] },
    ...change,
  }) as unknown as Decision
const select = (...some: Decision[]) => selectBatch(some).map(({ key }) => key)

test("a batch ends before a decision that is about one of its images", () => {
  expect(select(decide("a"), decide("b"), decide("c"))).toEqual(["a", "b", "c"])
  expect(select(decide("a"), decide("a", { key: "again" }), decide("b"))).toEqual(["a"])
  expect(select(decide("a"), decide("x", { images: ["y", "a"] }))).toEqual(["a"])
})

test("a batch ends before anything that the server cannot compare or does not store with it", () => {
  const others = [
    { act: "withdraw" },
    { act: "star" },
    { attempts: 1 },
    { confirmed: true },
    { seen: "" },
    { seen: undefined },
    { project: 2 },
  ]
  for (const other of others)
    expect(select(decide("a"), decide("x", other), decide("b"))).toEqual(["a"])
  expect(select(decide("a", { act: "box" }), decide("b"))).toEqual([])
})

test("a batch has limits, and one large sequence is within them", () => {
  const many = Array.from({ length: 200 }, (_, at) => decide(String(at)))
  expect(select(...many)).toHaveLength(100)
  const images = (name: string) => Array.from({ length: 300 }, (_, at) => `${name}${at}`)
  const large = [decide("a", { images: images("a") }), decide("b", { images: images("b") })]
  expect(select(...large)).toEqual(["a"])
})

test("a batch without a response is sent again as it was", () => {
  const sent = { batch: "k", attempts: 1 }
  const waiting = [decide("a", sent), decide("b", sent), decide("c"), decide("d", { batch: "l" })]
  expect(select(...waiting)).toEqual(["a", "b"])
})

test("each stored identification belongs to the decision that names its subject", () => {
  const stored = [
    { id: "1", image_id: "a", annotation_id: "box", sequence_id: null },
    { id: "2", image_id: "b", annotation_id: null, sequence_id: null },
    { id: "3", image_id: "c", annotation_id: null, sequence_id: "visit" },
    { id: "4", image_id: "d", annotation_id: null, sequence_id: "visit" },
  ] as unknown as Identification[]
  const made = (subject: object) => {
    const body = { kind: "blank" as const, annotations: [], images: [], sequences: [], ...subject }
    return findMade({ body }, stored).map(({ id }) => id)
  }
  expect(made({ annotations: ["box"] })).toEqual(["1"])
  expect(made({ images: ["b"] })).toEqual(["2"])
  expect(made({ sequences: ["visit"] })).toEqual(["3", "4"])
  expect(made({ images: ["a"] })).toEqual([])
})
