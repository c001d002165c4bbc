import { expect, test } from "vitest"
import type { Individual } from "../api/types"
import { listIndividualOptions } from "./individuals"

const build = (name: string, species: string): Individual => ({
  individual_id: name,
  names: [species],
  images: 2,
  first_seen: "2026-05-01T00:00:00Z",
  last_seen: "2026-05-02T00:00:00Z",
  identified_at: "2026-05-03T00:00:00Z",
})
const known = [build("Nala", "Leopard"), build("M12", "Lynx"), build("M1", "Leopard")]
const list = (text: string, recent: string[] = []) =>
  listIndividualOptions(known, recent, "Leopard", text).map(
    ({ name, isNew }) => `${name}${isNew ? " (new)" : ""}`,
  )

test("individuals of the species are first, those named last before earlier ones", () => {
  expect(list("")).toEqual(["Nala", "M1", "M12"])
  expect(list("", ["M1", "Kito"])).toEqual(["M1", "Kito", "Nala", "M12"])
})

test("the same name is first, and another text can become a new individual", () => {
  expect(list("m1")).toEqual(["M1", "M12", "m1 (new)"])
  expect(list("M12")).toEqual(["M12"])
  expect(list(" Zuri ")).toEqual(["Zuri (new)"])
  expect(list("A")).toEqual(["Nala", "A (new)"])
})
