import { describe, expect, test } from "vitest"
import type { Identification } from "../api/types"
import type { Finding } from "../findings/findings"
import { addOwnIdentifications, getEffectiveIdentification } from "./effectiveIdentification"

const finding = (id: string, parent: string | null = null) =>
  ({ annotation: { id, parent_id: parent }, analysis: { id: "analysis" } }) as unknown as Finding

let last = 0
function identification(
  kind: string,
  annotation: string | null,
  more: Partial<Identification> = {},
) {
  last += 1
  return {
    id: `i${last}`,
    kind,
    annotation_id: annotation,
    analysis_id: null,
    withdrawn_at: null,
    created_at: `2026-01-01T00:00:${String(60 - last).padStart(2, "0")}Z`,
    ...more,
  } as Identification
}

/** Identifications are given newest first. */
describe("getEffectiveIdentification", () => {
  test("is the newest of the finding", () => {
    const [newest, older] = [identification("correct", "a"), identification("confirm", "a")]
    expect(getEffectiveIdentification(finding("a"), [newest, older])).toBe(newest)
    expect(getEffectiveIdentification(finding("b"), [newest, older])).toBeNull()
  })

  test("skips what was withdrawn, and comments", () => {
    const confirmed = identification("confirm", "a")
    const all = [
      identification("comment", "a"),
      identification("unsure", "a", { withdrawn_at: "2026-01-02T00:00:00Z" }),
      confirmed,
    ]
    expect(getEffectiveIdentification(finding("a"), all)).toBe(confirmed)
  })

  test("a part has the identification of the finding that it belongs to", () => {
    const own = identification("confirm", "box")
    expect(getEffectiveIdentification(finding("mask", "box"), [own])).toBe(own)
  })

  test("a blank image overrides older identifications of its findings, not newer ones", () => {
    const [blank, box] = [identification("blank", null), identification("confirm", "a")]
    expect(getEffectiveIdentification(finding("a"), [blank, box])).toBe(blank)
    expect(getEffectiveIdentification(finding("a"), [box, blank])).toBe(box)
  })

  test("a confirmed image confirms the findings of its analysis that have none", () => {
    const image = identification("confirm", null, { analysis_id: "analysis" })
    expect(getEffectiveIdentification(finding("a"), [image])).toBe(image)
    const other = identification("confirm", null, { analysis_id: "other" })
    expect(getEffectiveIdentification(finding("a"), [other])).toBeNull()
    const box = identification("unsure", "a")
    expect(getEffectiveIdentification(finding("a"), [image, box])).toBe(box)
  })
})

test("identifications that came with findings are added once, newest first", () => {
  const [newer, older] = [identification("confirm", "a"), identification("confirm", "b")]
  const withOwn = {
    ...finding("a"),
    annotation: { id: "a", parent_id: null, identification: newer },
  } as unknown as Finding
  expect(addOwnIdentifications([older], [withOwn])).toEqual([newer, older])
  expect(addOwnIdentifications([newer, older], [withOwn])).toEqual([newer, older])
})
