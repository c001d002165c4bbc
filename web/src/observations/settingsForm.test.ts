import { describe, expect, test } from "vitest"
import type { ObservationValues } from "../api/types"
import {
  buildChange,
  buildForm,
  countsEverything,
  findRepeatedClass,
  movePipeline,
  parseLabels,
} from "./settingsForm"

const pipeline = (name: string, more: Partial<ObservationValues["pipelines"][number]> = {}) => ({
  name,
  counts: true,
  chosen: null,
  superseded: false,
  superseded_by: null,
  looks_for: [],
  task_types: [],
  ...more,
})

const VALUES: ObservationValues = {
  detection_threshold: 0.2,
  classification_threshold: 0.125,
  review_threshold: 0,
  combines: true,
  rule: "latest",
  agreement: 2,
  class_thresholds: { person: 0.6 },
  blank_labels: ["vide"],
  pipelines: [
    pipeline("a"),
    pipeline("b", { superseded: true, superseded_by: "a", counts: false }),
    pipeline("c", { chosen: false, counts: false }),
  ],
}

describe("the form of the settings of observations", () => {
  test("shows thresholds as percentages and changes nothing without an edit", () => {
    const form = buildForm(VALUES)
    expect([form.detection, form.classification, form.review]).toEqual(["20", "12.5", "0"])
    expect(buildChange(VALUES, form)).toEqual({})
  })

  test("sends only what was changed", () => {
    const form = buildForm(VALUES)
    const edited = { ...form, detection: "35.5", rule: "expert" as const }
    expect(buildChange(VALUES, edited)).toEqual({ detection_threshold: 0.355, rule: "expert" })
  })

  test("sends all pipelines in their order if one is moved", () => {
    const form = buildForm(VALUES)
    const edited = { ...form, pipelines: movePipeline(form.pipelines, 0, 1) }
    expect(buildChange(VALUES, edited).pipelines).toEqual([
      { name: "b", counts: undefined, superseded: false, superseded_by: "a" },
      { name: "a", counts: undefined, superseded: false, superseded_by: undefined },
      { name: "c", counts: false, superseded: false, superseded_by: undefined },
    ])
  })

  test("does not move the first pipeline up or the last one down", () => {
    const rows = buildForm(VALUES).pipelines
    expect(movePipeline(rows, 0, -1)).toEqual(rows)
    expect(movePipeline(rows, 2, 1)).toEqual(rows)
  })

  test("removes thresholds of classes, and finds a class that has two", () => {
    const form = buildForm(VALUES)
    expect(buildChange(VALUES, { ...form, classes: [] })).toEqual({ class_thresholds: {} })
    const twice = [...form.classes, { key: 9, label: " person ", percent: "1" }]
    expect(findRepeatedClass({ ...form, classes: twice })).toBe("person")
    expect(findRepeatedClass(form)).toBeNull()
  })

  test("reads labels between commas once each", () => {
    expect(parseLabels(" vide, leer,,vide ")).toEqual(["vide", "leer"])
  })

  test("recognises a project in which every finding counts", () => {
    expect(countsEverything(VALUES)).toBe(false)
    expect(
      countsEverything({ ...VALUES, detection_threshold: 0, classification_threshold: 0 }),
    ).toBe(true)
  })
})
