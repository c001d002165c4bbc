import { expect, test } from "vitest"
import { ApiProblem } from "../api/problems"
import { errorTexts } from "./en"
import { formatProblem } from "./problemText"
import { translateDetail as inGerman } from "./serverMessages.de"

test("no response says that the server does not respond", () => {
  expect(formatProblem(new ApiProblem(0, null))).toEqual({
    what: errorTexts.unreachable,
    advice: errorTexts.triesAgain,
  })
})

test("the detail of the server comes first, then each field", () => {
  const { what } = formatProblem(
    new ApiProblem(422, {
      detail: "The deployment is invalid.",
      errors: [{ where: "latitude", message: "must be at most 90" }],
    } as ConstructorParameters<typeof ApiProblem>[1]),
  )
  expect(what.startsWith("The deployment is invalid. latitude: must be at most 90")).toBe(true)
})

test("an owner is named only if the server did not", () => {
  const advice = (detail: string) => formatProblem(new ApiProblem(403, { detail })).advice
  expect(advice("This requires the role owner.")).toBe("")
  expect(advice("This is refused.")).toBe(errorTexts.askOwner)
})

test("a failure of the server has the number of the request", () => {
  const { advice } = formatProblem(new ApiProblem(500, { detail: "Broken.", request_id: "r-17" }))
  expect(advice).toContain("r-17")
})

test("frequent messages of the server are translated, others are marked as its own", () => {
  const role =
    "This requires the role manager in the project; yours is viewer. Nothing was changed."
  expect(inGerman(role)).toBe(
    "Dafür ist im Projekt die Rolle Verwalter nötig; Sie haben die Rolle Betrachter.",
  )
  expect(inGerman("A rare fault.")).toBe("Der Server meldet: A rare fault.")
})
