import { describe, expect, test } from "vitest"
import { addDays, formatAge, formatBytes, formatDuration, formatPlainDay, formatTime } from "./time"

test.each([
  [999, "999 B"],
  [1000, "1.0 kB"],
  [4_100_000, "4.1 MB"],
  [12_300_000, "12 MB"],
  [5e13, "50 TB"],
])("%d bytes are %s", (size, text) => expect(formatBytes(size)).toBe(text))

test.each([
  [0.4, "under 1 s"],
  [89, "89 s"],
  [90, "2 min"],
  [5400, "1.5 h"],
  [200_000, "2 days"],
])("%d seconds are %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text))

describe("formatAge", () => {
  const now = Date.parse("2026-06-15T12:00:00Z")
  test.each([
    ["2026-06-15T11:59:30Z", "just now"],
    ["2026-06-15T12:00:30Z", "in a moment"],
    ["2026-06-15T10:00:00Z", "2 h ago"],
    ["2026-06-15T12:05:00Z", "in 5 min"],
    ["2026-06-14T11:00:00Z", "1 day ago"],
    ["2026-03-15T12:00:00Z", "3 months ago"],
    ["2023-06-15T12:00:00Z", "3 years ago"],
  ])("%s is %s", (at, text) => expect(formatAge(at, now)).toBe(text))
})

test.each([
  ["2026-02-28", 1, "2026-03-01"],
  ["2024-02-28", 1, "2024-02-29"],
  ["2026-01-01", -1, "2025-12-31"],
])("%s and %i days is %s", (day, days, expected) => expect(addDays(day, days)).toBe(expected))

test("a day and a time are shown as they were at the camera", () => {
  expect(formatPlainDay("2026-06-01")).toMatch(/^Monday,? 1 June 2026$/)
  expect(formatTime("2026-06-01T12:30:00Z", "Asia/Kathmandu")).toBe("18:15")
})
