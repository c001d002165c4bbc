import { describe, expect, test } from "vitest"
import { fromLocal, toLocal } from "./localTime"

describe("a time of day and its instant", () => {
  test.each([
    ["2026-07-01T12:00:00.000Z", "Europe/Berlin", "2026-07-01T14:00:00"],
    ["2026-01-01T23:30:00.000Z", "Europe/Berlin", "2026-01-02T00:30:00"],
    ["2026-01-01T00:00:00.000Z", "Asia/Kathmandu", "2026-01-01T05:45:00"],
    ["2026-01-01T02:00:00.000Z", "America/St_Johns", "2025-12-31T22:30:00"],
    // The last minute before and the first after clocks go forward on 29 March 2026.
    ["2026-03-29T00:59:00.000Z", "Europe/Berlin", "2026-03-29T01:59:00"],
    ["2026-03-29T01:00:00.000Z", "Europe/Berlin", "2026-03-29T03:00:00"],
  ])("%s is in %s %s", (instant, zone, local) => {
    expect(toLocal(instant, zone)).toBe(local)
    expect(fromLocal(local, zone)).toBe(instant)
  })

  test("minutes are enough, and no time is null", () => {
    expect(fromLocal("2026-07-01T14:00", "Europe/Berlin")).toBe("2026-07-01T12:00:00.000Z")
    expect(fromLocal("yesterday", "UTC")).toBeNull()
  })

  test.each([
    "01/05/2026",
    "1.5.2026",
    "2026-05-01",
    "2026-5-1T12:00",
    "2026-02-30T12:00",
    "2026-05-01T24:30",
    "2026-05-01T12:00 stolen",
    "12026-05-01T12:00",
  ])("%s is not a local time", (text) => {
    expect(fromLocal(text, "UTC")).toBeNull()
  })
})
