import { describe, expect, test } from "vitest"
import * as german from "./de"
import * as english from "./en"
import { createFormats } from "./formats"

describe("numbers and plurals follow the language", () => {
  test.each([
    [0, "0 images", "0 Bilder"],
    [1, "1 image", "1 Bild"],
    [2, "2 images", "2 Bilder"],
    [12_345, "12,345 images", "12.345 Bilder"],
  ])("%i", (count, inEnglish, inGerman) => {
    expect(english.formatPlural(count, "image", "images")).toBe(inEnglish)
    expect(german.formatPlural(count, "Bild", "Bilder")).toBe(inGerman)
  })

  test("decimals", () => {
    expect([english, german].map((one) => one.formatDecimal(4.1, 2))).toEqual(["4.10", "4,10"])
    expect([english, german].map((one) => one.formatInput(-48.1372))).toEqual([
      "-48.1372",
      "-48,1372",
    ])
  })
})

test("a language with more than two forms uses each", () => {
  const { formatPlural } = createFormats("pl")
  const more = { few: "obrazy", many: "obrazów" }
  expect([1, 3, 5, 22].map((count) => formatPlural(count, "obraz", "obrazu", more))).toEqual([
    "1 obraz",
    "3 obrazy",
    "5 obrazów",
    "22 obrazy",
  ])
})

test("ages take the dative in German, durations do not", () => {
  expect([german.timeTexts.past(german.timeTexts.ageDays(2)), german.timeTexts.days(2)]).toEqual([
    "vor 2 Tagen",
    "2 Tage",
  ])
})
