import { expect, test } from "vitest"
import type { InsightSummary } from "../api/types"
import { buildRateCircles, listRates } from "./mapRates"

const site = (id: string, events: number, nights: number) => ({
  deployment_id: id,
  name: id,
  nights,
  events,
})

const summary = {
  deployments: [site("oak", 9, 60), site("ford", 2, 0), site("unused", 0, 0)],
  species: [{ name: "lynx", cells: [{ deployment_id: "oak", events: 3 }] }],
} as unknown as InsightSummary

const places = [{ id: "oak", latitude: 48, longitude: 8, location_precision: "0.1" as const }]
const nowhere = { latitude: null, longitude: null, precision: "exact" }

test("the rate of all species is of the events of the deployment", () => {
  expect(listRates(summary, places, "")).toEqual([
    { id: "oak", name: "oak", latitude: 48, longitude: 8, precision: "0.1", events: 9, rate: 15 },
    { id: "ford", name: "ford", ...nowhere, events: 2, rate: null },
  ])
})

test("a species that is not in a cell has zero events there", () => {
  expect(listRates(summary, places, "lynx").map((one) => [one.events, one.rate])).toEqual([
    [3, 5],
    [0, null],
  ])
})

test("only places that the user may see are circles", () => {
  const circles = buildRateCircles(listRates(summary, places, ""), String)
  expect(circles).toEqual([{ id: "oak", latitude: 48, longitude: 8, radius: 22, label: "oak 15" }])
})
