import { expect, test } from "vitest"
import { getInitials, shortenMiddle } from "./names"

test("initials are of the first and the last word, also of an e-mail address", () => {
  expect(getInitials("Ruth Ranger")).toBe("RR")
  expect(getInitials("lena")).toBe("L")
  expect(getInitials("José Luis de la Cruz")).toBe("JC")
  expect(getInitials("lena.kraus@example.org")).toBe("LK")
  expect(getInitials("")).toBe("")
})

test("a long text keeps both ends, and is never longer than allowed", () => {
  expect(shortenMiddle("short.jpg", 20)).toBe("short.jpg")
  expect(shortenMiddle("abcdefghij", 7)).toBe("abc…hij")
  expect(shortenMiddle("abcdefghij", 6)).toBe("abc…ij")
})
