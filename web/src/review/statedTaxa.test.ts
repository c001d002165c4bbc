import { describe, expect, test } from "vitest"
import type { Identification } from "../api/types"
import { listStatedTaxa } from "./statedTaxa"

const say = (more: Partial<Identification>) =>
  ({ kind: "correct", label: "lynx", count: 2, taxa: [], ...more }) as Identification

describe("listStatedTaxa", () => {
  test("returns all taxa of a correction", () => {
    const taxa = [
      { label: "lynx", count: 2 },
      { label: "fox", sex: "female" },
    ] as Identification["taxa"]
    expect(listStatedTaxa(say({ taxa })).map(({ label }) => label)).toEqual(["lynx", "fox"])
  })

  test("returns the taxon of a decision that the server does not have yet", () => {
    expect(listStatedTaxa(say({}))).toMatchObject([{ label: "lynx", count: 2 }])
  })

  test("returns one without a label for other identifications", () => {
    expect(listStatedTaxa(say({ kind: "blank", label: null }))).toMatchObject([{ label: null }])
  })
})
