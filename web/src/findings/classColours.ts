/** Colours of classes: colour-blind-safe, and the same for one class everywhere in a project. */
import { createContext, useContext } from "react"

/**
 * Twelve colours whose smallest distance in OKLab is 0.034, also with deuteranopia and protanopia,
 * and from the fixed colours. All are light enough for dark text on them.
 */
export const COLOUR_SET = [
  "#56b4e9",
  "#f0e442",
  "#00b388",
  "#ff7a3d",
  "#d251b9",
  "#2a8eef",
  "#ed4a4c",
  "#6fc0c8",
  "#e9c9fe",
  "#edd881",
  "#cdf8ab",
  "#a7faf6",
]
/** The class of most detectors has the green of the set, if it is frequent. */
const PREFERRED_SLOTS: Record<string, number> = { animal: 2 }

/** Classes with a fixed meaning have the same colour in all projects; no other class uses it. */
export const FIXED_COLOURS: Record<string, string> = {
  person: "#e69f00",
  human: "#e69f00",
  "homo sapiens": "#e69f00",
  vehicle: "#cc79a7",
  car: "#cc79a7",
  truck: "#cc79a7",
}
const NO_CLASS_COLOUR = "#c7d0ca"

const findFixedColour = (name: string) =>
  Object.hasOwn(FIXED_COLOURS, name.toLowerCase()) ? FIXED_COLOURS[name.toLowerCase()] : undefined

/** Return the preferred index of a class in the set. */
function getSlot(name: string): number {
  const key = name.toLowerCase()
  if (Object.hasOwn(PREFERRED_SLOTS, key)) return PREFERRED_SLOTS[key] ?? 0
  let hash = 2166136261
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 16777619)
  return (hash >>> 0) % COLOUR_SET.length
}

const isPreferred = (name: string) => Object.hasOwn(PREFERRED_SLOTS, name.toLowerCase())

/**
 * Assign a separate colour to each of the most frequent classes of a project.
 *
 * A class has its preferred colour if possible; otherwise it has the next free one. The result
 * depends on which classes are the most frequent, not on their order.
 */
export function assignColours(byFrequency: string[]): ReadonlyMap<string, string> {
  const names = [...new Set(byFrequency)]
    .slice(0, COLOUR_SET.length)
    .filter((name) => !findFixedColour(name))
    .sort((a, b) => Number(isPreferred(b)) - Number(isPreferred(a)) || (a < b ? -1 : 1))
  const slots = new Map<number, string>()
  const later = names.filter((name) => {
    if (slots.has(getSlot(name))) return true
    slots.set(getSlot(name), name)
    return false
  })
  for (const name of later) {
    let slot = getSlot(name)
    while (slots.has(slot)) slot = (slot + 1) % COLOUR_SET.length
    slots.set(slot, name)
  }
  return new Map([...slots].map(([slot, name]) => [name, COLOUR_SET[slot] ?? NO_CLASS_COLOUR]))
}

/** Colours of the most frequent classes of the current project. */
export const ClassColours = createContext<ReadonlyMap<string, string>>(new Map())

/** Return a function that maps a class to its colour; null is a finding without a class. */
export function useClassColour(): (name: string | null | undefined) => string {
  const assigned = useContext(ClassColours)
  return (name) =>
    name
      ? (findFixedColour(name) ??
        assigned.get(name) ??
        COLOUR_SET[getSlot(name)] ??
        NO_CLASS_COLOUR)
      : NO_CLASS_COLOUR
}
