import { expect, test } from "vitest"
import type { Identification } from "../api/types"
import { type Decision, sendAgain } from "./decisions"
import { canClaim, divideBatch, findMade, selectBatch } from "./outboxBatches"

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

test("a decision that another tab sent alone or in another batch is in no batch", () => {
  expect(canClaim(decide("a"), undefined)).toBe(true)
  expect(canClaim(decide("a", { attempts: 1 }), undefined)).toBe(false)
  expect(canClaim(decide("a", { batch: "k" }), undefined)).toBe(false)
  expect(canClaim(decide("a", { state: "sent" }), undefined)).toBe(false)
  const sent = { batch: "k", attempts: 2 }
  expect(canClaim(decide("a", sent), "k")).toBe(true)
  expect(canClaim(decide("a", { ...sent, batch: "k-0" }), "k")).toBe(false)
  expect(canClaim(decide("a", { ...sent, batch: undefined }), "k")).toBe(false)
  expect(canClaim(decide("a", { ...sent, state: "refused" }), "k")).toBe(false)
})

test("two tabs that split a refused batch find the same halves", () => {
  const divide = (...keys: string[]) => [
    ...divideBatch(keys.map((key) => ({ key, batch: "k" }))).entries(),
  ]
  expect(divide("a", "b", "c", "d", "e")).toEqual([
    ["a", "k-0"],
    ["b", "k-0"],
    ["c", "k-0"],
    ["d", "k-1"],
    ["e", "k-1"],
  ])
  expect(divide("a", "b", "c").at(-1)).toEqual(["c", undefined])
  expect(divide("a")).toEqual([["a", undefined]])
})

test("a refused decision that the server may have keeps its batch and its time", () => {
  const refused = { state: "refused", refusal: { status: 409, why: "" }, madeAt: 1, attempts: 2 }
  expect(sendAgain(decide("a", { ...refused, batch: "k" }))).toMatchObject({
    state: "waiting",
    batch: "k",
    madeAt: 1,
  })
  const alone = sendAgain(decide("a", refused))
  expect(alone).toMatchObject({ state: "waiting", confirmed: true })
  expect(alone.madeAt).toBeGreaterThan(1)
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
