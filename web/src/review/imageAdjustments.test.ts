import { describe, expect, it } from "vitest"
import { buildFilter, NIGHT, UNADJUSTED } from "./imageAdjustments"

describe("buildFilter", () => {
  it("has only the parts that change the image", () => {
    expect(buildFilter(UNADJUSTED)).toBe("none")
    expect(buildFilter(NIGHT)).toBe("url(#review-gamma) contrast(110%)")
    expect(buildFilter({ ...UNADJUSTED, brightness: 150 })).toBe("brightness(150%)")
  })
})
