import { expect, test } from "vitest"
import { NO_FILTER } from "../images/queries"
import { filterTexts as t } from "./en"
import {
  FILTER_GROUPS,
  FILTER_KEYS,
  type FilterId,
  isFiltered,
  listSetFilters,
  searchFilters,
} from "./filterFields"

test("each parameter of a filter has a chip, so that no filter is applied unseen", () => {
  const shown = Object.values(FILTER_KEYS).flat() as string[]
  const keys = Object.keys(NO_FILTER).filter((key) => key !== "order")
  expect([...shown].sort()).toEqual([...keys].sort())
})

test("the menu offers each filter once; three are chosen elsewhere", () => {
  const offered = Object.values(FILTER_GROUPS).flat() as FilterId[]
  expect(new Set(offered).size).toBe(offered.length)
  const missing = (Object.keys(FILTER_KEYS) as FilterId[]).filter((id) => !offered.includes(id))
  expect(missing.sort()).toEqual(["comparison", "sequence", "taxon"])
})

test("a date is one filter of two parameters", () => {
  const filter = { ...NO_FILTER, from: "2026-05-01", to: "2026-05-03", class: "lynx" }
  expect(listSetFilters(filter)).toEqual(["date", "class"])
})

test("the order is not a filter, and deleted images can be left out", () => {
  expect(isFiltered({ ...NO_FILTER, order: "captured_at" })).toBe(false)
  expect(isFiltered({ ...NO_FILTER, deleted: "true" })).toBe(true)
  expect(isFiltered({ ...NO_FILTER, deleted: "true" }, ["deleted"])).toBe(false)
})

test("filters are found by their name and by their group", () => {
  const find = (text: string) => searchFilters(text, t.names, t.groups).flatMap(([, ids]) => ids)
  expect(find(" DEPLOY")).toEqual(["deployment"])
  expect(find(t.groups.place)).toEqual([...FILTER_GROUPS.place])
  expect(find("no such filter")).toEqual([])
})
