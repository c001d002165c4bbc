import { expect, test } from "vitest"
import { buildInsightParameters, buildTableUrl, parseInsightFilter } from "./insightFilter"

const parse = (query: string) => parseInsightFilter(new URLSearchParams(query))

test("an empty URL means everything, with 30 minutes between events", () => {
  expect(buildInsightParameters(3, parse(""))).toEqual({ project: 3, interval: 30 })
})

test("invalid values of the URL are left out", () => {
  expect(parse("from=yesterday&interval=5000")).toMatchObject({ start: "", interval: 30 })
})

test("a table has the filter of the figures", () => {
  const filter = parse("from=2026-01-01&deployment=a,b&species=Lynx%20lynx&interval=0")
  expect(buildTableUrl(3, filter, "detection-history", { days: "7" })).toBe(
    "/api/v2/insights/tables?table=detection-history&project=3&start=2026-01-01&deployment=a&deployment=b&class=Lynx+lynx&interval=0&days=7",
  )
})
