import { describe, expect, it } from "vitest"
import type { Image, Observation } from "../api/types"
import { buildAcceptance, buildAssignment, buildProposal, countAnimals } from "./proposal"
import { groupUnits, type ReviewUnit } from "./units"

const image = (id: string, sequence: string | null = "s") =>
  ({ id, sequence_id: sequence }) as unknown as Image
const observe = (on: string, name: string, change: Partial<Observation> = {}) =>
  ({
    image_id: on,
    annotation_id: `${on}-${name}`,
    name,
    label: name,
    kind: "animal",
    count: null,
    source: "model",
    confidence: 0.9,
    taxon_id: null,
    ...change,
  }) as Observation
const blank = (on: string, change: Partial<Observation> = {}) =>
  observe(on, "blank", { kind: "blank", annotation_id: null, ...change })
const images = [image("a"), image("b"), image("c")]
const sequence = { key: "s", sequence: "s", first: images[0] } as ReviewUnit
const single = { key: "a", sequence: null, first: images[0] } as ReviewUnit

describe("buildProposal", () => {
  it("proposes the largest number of animals in one image", () => {
    const found = buildProposal(images, [
      observe("a", "deer", { annotation_id: "1", confidence: 0.6 }),
      observe("a", "deer", { annotation_id: "2", confidence: 0.8 }),
      observe("b", "deer", { annotation_id: "3" }),
      blank("c"),
    ])
    expect(found.state).toBe("taxa")
    expect(found.taxa).toMatchObject([
      { name: "deer", count: 2, images: 2, confidence: [0.6, 0.9] },
    ])
    expect(countAnimals(found)).toBe(2)
  })

  it("counts one animal that has another name in each image once", () => {
    const found = buildProposal(images, [
      observe("a", "deer"),
      observe("b", "fox"),
      observe("c", "deer", { annotation_id: "1" }),
      observe("c", "boar", { annotation_id: "2" }),
    ])
    expect(countAnimals(found)).toBe(2)
    expect(countAnimals(buildProposal(images, [observe("a", "deer"), observe("b", "fox")]))).toBe(1)
    expect(countAnimals(buildProposal(images, [blank("a")]))).toBeNull()
  })

  it("is blank only with results, and has the most frequent taxon first", () => {
    expect(buildProposal(images, []).state).toBe("none")
    expect(buildProposal(images, [blank("a")]).state).toBe("blank")
    const { taxa } = buildProposal(images, [
      observe("a", "fox"),
      observe("b", "deer"),
      observe("c", "deer"),
    ])
    expect(taxa.map(({ name }) => name)).toEqual(["deer", "fox"])
  })
})

describe("buildAcceptance", () => {
  const all = [observe("a", "deer"), observe("b", "deer"), blank("c")]
  it("confirms the sequence", () => {
    const proposal = buildProposal(images, all)
    expect(buildAcceptance(sequence, images, proposal, null)).toEqual({
      kind: "confirm",
      sequences: ["s"],
    })
  })

  it("leaves out images that people decided about, before or in this review", () => {
    const reviewed = [observe("a", "fox", { source: "human", confidence: null }), ...all.slice(1)]
    const proposal = buildProposal(images, reviewed, new Set(["b"]))
    expect(buildAcceptance(sequence, images, proposal, null)).toEqual({
      kind: "confirm",
      images: ["c"],
    })
    const done = buildProposal(images, reviewed, new Set(["b", "c"]))
    expect(buildAcceptance(sequence, images, done, null)).toBeNull()
  })

  it("confirms the other boxes of an image in which a box was drawn or named", () => {
    const drawn = observe("a", "fox", { source: "human", confidence: null, annotation_id: "drawn" })
    const mixed = [drawn, observe("a", "deer"), observe("b", "deer"), blank("c")]
    expect(buildAcceptance(sequence, images, buildProposal(images, mixed), null)).toEqual({
      kind: "confirm",
      images: ["b", "c"],
      annotations: ["a-deer"],
    })
    const named = buildProposal(images, mixed, new Set(["a-deer", "c"]))
    expect(buildAcceptance(sequence, images, named, null)).toEqual({
      kind: "confirm",
      images: ["b"],
    })
  })

  it("states another count as an assignment of the proposed taxon", () => {
    const proposal = buildProposal(images, all)
    expect(buildAcceptance(sequence, images, proposal, 4)).toEqual({
      kind: "correct",
      label: "deer",
      count: 4,
      sequences: ["s"],
    })
  })
})

describe("buildAssignment", () => {
  const fox = { name: "fox", taxon: "t" }
  it("gives the taxon to the images where there is no box", () => {
    const proposal = buildProposal(images, [blank("a"), blank("b"), blank("c")])
    expect(buildAssignment(sequence, images, proposal, fox, null)).toEqual({
      kind: "correct",
      taxon: "t",
      apply_to: "all",
      sequences: ["s"],
    })
  })

  it("names the boxes of a single image, unless the count differs from them", () => {
    const proposal = buildProposal([image("a")], [observe("a", "deer")])
    expect(buildAssignment(single, [image("a")], proposal, fox, 1)).toEqual({
      kind: "correct",
      taxon: "t",
      annotations: ["a-deer"],
    })
    expect(buildAssignment(single, [image("a")], proposal, fox, 3)).toMatchObject({
      count: 3,
      images: ["a"],
    })
  })
})

describe("groupUnits", () => {
  it("groups the images of a sequence that alternate with those of another camera", () => {
    const list = [image("1", "s"), image("2", "t"), image("3", "s"), image("4", null)]
    expect(groupUnits(list, "sequence").map(({ key }) => key)).toEqual(["s", "t", "4"])
    expect(groupUnits(list, "image").map(({ key }) => key)).toEqual(["1", "2", "3", "4"])
  })
})
