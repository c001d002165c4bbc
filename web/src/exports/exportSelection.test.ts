import { expect, test } from "vitest"
import { NO_FILTER } from "../images/queries"
import { buildFilter, buildSelection } from "./exportSelection"

const filter = {
  ...NO_FILTER,
  class: "fox",
  from: "2026-06-01",
  to: "2026-06-30",
  confidence: "35",
  blank: "false",
  starred: "true",
  kind: "animal",
  needs_review: "false",
  count_min: "3",
  taxon: "t",
  confidence_max: "80",
  commented: "true",
  hour_from: "22",
  hour_to: "4",
}

test("a filter becomes a selection with an open end of days and a share", () => {
  expect(buildSelection(filter)).toEqual({
    class_name: "fox",
    day_after: "2026-06-01",
    day_before: "2026-07-01",
    confidence_min: 0.35,
    blank: false,
    starred: true,
    kind: "animal",
    needs_review: false,
    count_min: 3,
    taxon: "t",
    confidence_max: 0.8,
    commented: true,
    hour_from: 22,
    hour_to: 4,
  })
  expect(buildSelection(NO_FILTER)).toEqual({})
})

test("a selection becomes the same filter again", () => {
  expect(buildFilter(buildSelection(filter))).toEqual({ filter, unseen: {} })
})

test("what the grid cannot show is returned separately", () => {
  const { filter: shown, unseen } = buildFilter({ class_name: "fox", job: 7, images: ["a"] })
  expect(shown).toEqual({ ...NO_FILTER, class: "fox" })
  expect(unseen).toEqual({ job: 7, images: ["a"] })
})
