import { describe, expect, test } from "vitest"
import type { Analysis, Annotation, Observation } from "../api/types"
import type { Finding, FindingType } from "./findings"
import { applyObservations, listWholeObservations } from "./observedFindings"

const finding = (
  id: string,
  name: string | null,
  type: FindingType = "bounding_box",
  parent: string | null = null,
): Finding => ({
  id,
  analysis: { id: "analysis" } as Analysis,
  annotation: { id } as Annotation,
  name,
  confidence: 0.9,
  type,
  shape: { kind: "none" } as Finding["shape"],
  classScores: [],
  classifications: [],
  parent,
})

const observation = (subject: string | null, name: string, more: Partial<Observation> = {}) =>
  ({
    id: `of ${subject}`,
    annotation_id: subject,
    analysis_id: "analysis",
    kind: "animal",
    name,
    label: name,
    source: "model",
    confidence: 0.7,
    ...more,
  }) as Observation

const names = (findings: Finding[]) => findings.map(({ id, name }) => [id, name])

describe("findings as observations", () => {
  test("a box has the name and the confidence of its observation", () => {
    const human = observation("a", "Lynx canadensis", { source: "human", confidence: null })
    const [shown] = applyObservations([finding("a", "bobcat")], [human])
    expect([shown?.name, shown?.confidence]).toEqual(["Lynx canadensis", null])
  })

  test("findings that are not observations are left out", () => {
    const all = [finding("a", "deer"), finding("b", "fox"), finding("c", "deer", "classification")]
    expect(names(applyObservations(all, [observation("a", "deer")]))).toEqual([["a", "deer"]])
    expect(applyObservations(all, [observation(null, "blank", { kind: "blank" })])).toEqual([])
  })

  test("heatmaps and findings without a class stay, and parts have the name of their box", () => {
    const all = [
      finding("a", "deer"),
      finding("b", "deer", "mask", "a"),
      finding("c", "deer", "heatmap"),
      finding("d", null),
    ]
    expect(names(applyObservations(all, [observation("a", "Cervus")]))).toEqual([
      ["a", "Cervus"],
      ["b", "Cervus"],
      ["c", "deer"],
      ["d", null],
    ])
  })

  test("a classification of the whole image is shown once", () => {
    const all = [finding("a", "deer", "classification"), finding("b", "fox", "classification")]
    const observed = [
      observation(null, "Cervus", { label: "deer" }),
      observation(null, "Canis lupus", { source: "human", analysis_id: null }),
    ]
    expect(names(applyObservations(all, observed))).toEqual([["a", "Cervus"]])
    expect(listWholeObservations(all, observed).map(({ name }) => name)).toEqual(["Canis lupus"])
  })

  test("a decision that the server does not have yet names or removes its box", () => {
    const all = [finding("a", "deer"), finding("b", "deer")]
    const observed = [observation("a", "deer"), observation("b", "deer")]
    const pending = new Map([
      ["a", "fox"],
      ["b", null],
    ])
    expect(names(applyObservations(all, observed, pending))).toEqual([["a", "fox"]])
  })
})
