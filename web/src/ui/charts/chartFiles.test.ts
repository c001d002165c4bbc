import { expect, test } from "vitest"
import { formatCsv } from "./chartFiles"

test("a table is CSV with quoted texts and empty missing values", () => {
  const table = {
    columns: ["Name", "Rate"],
    rows: [
      ['Old "oak", north', 12.5],
      ["Ford", null],
    ],
  }
  expect(formatCsv(table)).toBe('Name,Rate\r\n"Old ""oak"", north",12.5\r\nFord,\r\n')
})

test("a text that a spreadsheet would run is quoted, a negative number is not", () => {
  expect(formatCsv({ columns: ["a"], rows: [["=1+1"], [-3]] })).toBe("a\r\n'=1+1\r\n-3\r\n")
})
