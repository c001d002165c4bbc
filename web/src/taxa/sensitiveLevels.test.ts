import { expect, test } from "vitest"
import openapi from "../../../openapi.json?raw"
import { ApiProblem } from "../api/problems"
import {
  DEFAULT_RULE,
  findSensitiveTaxon,
  getLevels,
  getRoleErrors,
  LEVELS,
  RULE_ROLES,
} from "./sensitiveLevels"

const { schemas } = JSON.parse(openapi).components

test("roles, levels and the levels of a new rule are those of the API", () => {
  const properties = schemas.SensitiveTaxonRule.properties as Record<string, { default?: string }>
  const defaults = Object.entries(properties).map(([role, { default: level }]) => [role, level])
  expect(Object.fromEntries(defaults)).toEqual(DEFAULT_RULE)
  expect([...RULE_ROLES].sort()).toEqual(Object.keys(properties).sort())
  expect(LEVELS).toEqual(schemas.LocationPrecision.enum)
})

test("only the levels of a listed taxon are sent", () => {
  const listed = {
    ...DEFAULT_RULE,
    project_id: 1,
    taxon_id: "t",
    scientific_name: "Lynx lynx",
    updated_at: "2026-01-01T00:00:00Z",
  }
  expect(getLevels(listed)).toEqual(DEFAULT_RULE)
})

test("an error is shown at the field of its role, and any other above the buttons", () => {
  const problem = (where: string) =>
    new ApiProblem(422, { detail: "No.", errors: [{ where, message: "shows less than viewer" }] })
  expect(getRoleErrors(problem("reviewer"))).toEqual({ reviewer: "shows less than viewer" })
  expect(getRoleErrors(problem("taxon"))).toEqual({})
  expect(getRoleErrors(new ApiProblem(403, { detail: "No." }))).toEqual({})
  expect(getRoleErrors(null)).toEqual({})
})

test("a sensitive taxon covers its synonyms and descendants", () => {
  const listed = [
    { taxon_id: "felidae", scientific_name: "Felidae" },
    { taxon_id: "bear", scientific_name: "Ursus arctos" },
    { taxon_id: "lutra", scientific_name: "Lutra" },
  ]
  const taxon = (id: string, name: string, higher = {}, accepted: string[] = []) => ({
    id,
    scientific_name: name,
    higher_ranks: higher,
    accepted_id: accepted[0] ?? null,
    accepted_name: accepted[1] ?? null,
  })
  const find = (...given: Parameters<typeof taxon>) =>
    findSensitiveTaxon(taxon(...given), listed)?.taxon_id
  expect(find("felidae", "Felidae")).toBe("felidae")
  expect(find("lynx", "Lynx lynx", { order: "Carnivora", family: "felidae" })).toBe("felidae")
  expect(find("grizzly", "Ursus horribilis", {}, ["bear", "Ursus arctos"])).toBe("bear")
  expect(find("kodiak", "Ursus arctos middendorffi")).toBe("bear")
  expect(find("otter", "Lutra lutra")).toBe("lutra")
  expect(find("old otter", "Mustela lutra", {}, ["otter", "Lutra lutra"])).toBe("lutra")
  expect(find("fox", "Vulpes vulpes", { family: "Canidae" })).toBeUndefined()
  expect(find("polar bear", "Ursus maritimus")).toBeUndefined()
})
