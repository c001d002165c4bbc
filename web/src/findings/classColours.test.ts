import { expect, test } from "vitest"
import { assignColours, COLOUR_SET, FIXED_COLOURS } from "./classColours"

const CLASSES = "fox deer badger hare lynx wolf bear marten stoat owl".split(" ")
/** Simulated dichromacy of Machado, Oliveira and Fernandes (2009), on linear RGB. */
const VISIONS: Record<string, number[][]> = {
  full: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
}

const multiply = (rows: number[][], vector: number[]) =>
  rows.map((row) => row.reduce((sum, part, at) => sum + part * (vector[at] ?? 0), 0))

/** Convert a colour to OKLab (Ottosson 2020), as it is seen. */
function toOklab(hex: string, vision: number[][]): number[] {
  const linear = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  const seen = multiply(vision, linear).map((part) => Math.min(Math.max(part, 0), 1))
  const cones = multiply(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    seen,
  ).map(Math.cbrt)
  return multiply(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones,
  )
}

test.each(Object.entries(VISIONS))(
  "no two of the twelve colours are alike: %s vision",
  (_, vision) => {
    const colours = [...new Set([...COLOUR_SET, ...Object.values(FIXED_COLOURS)])]
    expect(colours.length).toBe(14)
    const seen = colours.map((colour) => toOklab(colour, vision))
    const distances = seen.flatMap((one, at) =>
      seen
        .slice(0, at)
        .map((other) => Math.hypot(...one.map((part, axis) => part - (other[axis] ?? 0)))),
    )
    expect(Math.min(...distances)).toBeGreaterThan(0.03)
  },
)

test("each of the most frequent classes has a separate colour", () => {
  expect(new Set(assignColours(CLASSES).values()).size).toBe(CLASSES.length)
  const twelve = ["Animal", ...CLASSES, "Canis lupus"]
  expect(new Set(assignColours(twelve).values()).size).toBe(12)
})

test("an animal without a name is green, whatever else is frequent", () => {
  for (const name of CLASSES) expect(assignColours([name, "animal"]).get("animal")).toBe("#00b388")
})

test("colours do not depend on the order of the classes", () => {
  const sorted = (names: string[]) => [...assignColours(names)].sort()
  expect(sorted([...CLASSES].reverse())).toEqual(sorted(CLASSES))
})

test("a class keeps its colour where no other class takes it", () => {
  const alone = assignColours(["fox"]).get("fox")
  expect(assignColours(["fox", "person"]).get("fox")).toBe(alone)
})

test("people and vehicles have fixed colours, which are not assigned", () => {
  expect([...assignColours(["Person", "vehicle", "fox"]).keys()]).toEqual(["fox"])
})
