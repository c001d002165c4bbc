import { expect, test } from "vitest"
import type { Deployment } from "../api/types"
import { formatCoordinates } from "./locationPrecision"

const at = (location_precision: Deployment["location_precision"], latitude: number | null) => ({
  location_precision,
  latitude,
  longitude: latitude === null ? null : 29.2,
})

test("coordinates have as many decimals as their precision", () => {
  expect(formatCoordinates(at("exact", -19.01543))).toBe("-19.0154, 29.2000")
  expect(formatCoordinates(at("0.01", -19.02))).toBe("-19.02, 29.20")
  expect(formatCoordinates(at("0.1", -19))).toBe("-19.0, 29.2")
  expect(formatCoordinates(at("withheld", null))).toBeNull()
})
