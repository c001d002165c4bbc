/** Colours for the values of a heatmap, evenly spaced from 0 to the maximum. */

const STOPS = {
  viridis: "440154 482878 3e4a89 31688e 26828e 1f9e89 35b779 6dcd59 b4de2c fde725",
  magma: "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
  turbo:
    "30123b 4145ab 4675ed 39a2fc 1bcfd4 24eca6 61fc6c a4fc3b d1e834 f3c63a fe9b2d f36315 d93806 b11901 7a0402",
  jet: "000080 0000ff 0080ff 00ffff 80ff80 ffff00 ff8000 ff0000 800000",
  grey: "000000 ffffff",
}

export type ColourMap = keyof typeof STOPS
export const COLOUR_MAPS = Object.keys(STOPS) as ColourMap[]

/** Return the map with that name, or the default. */
export function getColourMap(name: unknown, usual: ColourMap = "viridis"): ColourMap {
  const known = typeof name === "string" ? name.toLowerCase().replace(/^gray$/, "grey") : ""
  return COLOUR_MAPS.find((one) => one === known) ?? usual
}

/** Return the 256 colours of a map as a sequence of red, green and blue. */
export function getColourTable(map: ColourMap): Uint8ClampedArray {
  const stops = STOPS[map]
    .split(" ")
    .map((text) => [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16)))
  const table = new Uint8ClampedArray(256 * 3)
  for (let value = 0; value < 256; value += 1) {
    const place = (value / 255) * (stops.length - 1)
    const below = Math.min(Math.floor(place), stops.length - 2)
    for (let channel = 0; channel < 3; channel += 1) {
      const [from, to] = [stops[below]?.[channel] ?? 0, stops[below + 1]?.[channel] ?? 0]
      table[value * 3 + channel] = from + (to - from) * (place - below)
    }
  }
  return table
}

/** Return the map as a CSS gradient. */
export const getGradient = (map: ColourMap): string =>
  `linear-gradient(90deg, #${STOPS[map].split(" ").join(", #")})`
