import { expect, test } from "vitest"
import type { InsightMap } from "../api/types"
import { listRates } from "./mapRates"

const place = (id: string, events: number, nights: number) => ({
  deployment_id: id,
  name: id,
  latitude: 1,
  longitude: 2,
  precision: "exact",
  nights,
  events,
  rate: null,
  species: 2,
})

const map = {
  places: [place("oak", 9, 60), place("ford", 0, 0)],
  steps: ["2026-05-01", "2026-06-01"],
  nights: [
    [40, 20],
    [0, 0],
  ],
  species: [
    {
      name: "lynx",
      events: [
        [4, 1],
        [0, 0],
      ],
    },
    {
      name: "boar",
      events: [
        [2, 2],
        [0, 0],
      ],
    },
  ],
} as unknown as InsightMap

test("rates are of all species and the whole period at first", () => {
  expect(listRates(map, "", "").map((one) => one.rate)).toEqual([15, null])
})

test("a species and a month have their own events and camera-nights", () => {
  expect(listRates(map, "lynx", "")[0]).toMatchObject({ events: 5, nights: 60 })
  expect(listRates(map, "lynx", "2026-06-01")[0]).toMatchObject({ events: 1, nights: 20, rate: 5 })
  expect(listRates(map, "", "2026-05-01")[0]).toMatchObject({ events: 6, nights: 40, rate: 15 })
})
