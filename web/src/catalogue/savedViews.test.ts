import { expect, test } from "vitest"
import type { SavedView } from "../api/types"
import { NO_FILTER } from "../images/queries"
import { buildViewFilter, findCurrentView, parseView } from "./savedViews"

const filter = { ...NO_FILTER, class: "lynx", hour_from: "22", order: "captured_at" }
const view = { ...buildViewFilter(filter), id: "a", name: "Night cats" } as SavedView

test("a view shows the filter and order that were saved", () => {
  expect(view.filter).toEqual({ class_name: "lynx", hour_from: 22, deleted: false })
  expect(parseView(view)).toEqual(filter)
  expect(findCurrentView([view], filter)).toBe(view)
  expect(findCurrentView([view], { ...filter, hour_from: "" })).toBeUndefined()
  expect(findCurrentView([view], { ...filter, order: "" })).toBeUndefined()
})

test("a view with a condition that the page cannot show is not offered", () => {
  const other = { ...view, filter: { ...view.filter, truncated: true } } as SavedView
  expect(parseView(other)).toBeNull()
})
