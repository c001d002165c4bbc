import { expect, test } from "vitest"
import { chooseCommonName } from "./commonNames"

const names = { en: ["Roe deer", "Western roe deer"], de: ["Reh"], "pt-br": ["Corço"], fr: [] }

test.each([
  [["de-AT", "en"], "Reh"],
  [["en-GB"], "Roe deer"],
  [["fr", "de"], "Reh"],
  [["pt"], "Corço"],
  [["pt-PT"], "Corço"],
  [["sv"], null],
  [[], null],
])("of the languages %s the first with a name counts", (languages, expected) => {
  expect(chooseCommonName(names, languages)).toBe(expected)
})
