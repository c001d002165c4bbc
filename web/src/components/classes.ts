/** Colours of classes: colour-blind-safe, and the same for one class everywhere. */

/** Okabe and Ito's set, lightened where it was too dark on a night picture. */
const SET = ["#56b4e9", "#f0e442", "#4e9bff", "#d55e00", "#b4d455", "#7fd4d4", "#ff9a76", "#a893ff", "#e3c39d", "#8fd08f", "#ffb3d1"]

/** Those that mean something on their own keep one colour, which no other class has. */
const FIXED: Record<string, string> = {
  animal: "#00b388",
  person: "#e69f00",
  human: "#e69f00",
  "homo sapiens": "#e69f00",
  vehicle: "#cc79a7",
  car: "#cc79a7",
  truck: "#cc79a7",
}

/** The colour of a class; null is what has no name. */
export function classColour(name: string | null | undefined): string {
  if (!name) return "#c7d0ca"
  const key = name.toLowerCase()
  const fixed = FIXED[key]
  if (fixed) return fixed
  let hash = 2166136261
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 16777619)
  return SET[(hash >>> 0) % SET.length] ?? "#56b4e9"
}
