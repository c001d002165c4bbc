import { expect, test } from "vitest"
import * as german from "./de"
import { activityTexts } from "./en"

test("an estimator of the overlap has the symbol of its definition", () => {
  expect(activityTexts.overlap("Dhat4", "0.95")).toBe("Overlap Δ4: 0.95")
  expect(german.activityTexts.overlap("Dhat1", "0,95")).toBe("Überlappung Δ1: 0,95")
})
