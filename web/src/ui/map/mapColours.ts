/** Colours of the current theme as `rgb(...)`, and a notice when the theme changes. */
import { useEffect, useState } from "react"
import type { MapColours } from "./mapTheme"

const NAMES = {
  water: "--sunken",
  land: "--raised",
  line: "--line",
  lineStrong: "--line-strong",
  ink: "--ink",
  inkSoft: "--ink-soft",
  halo: "--surface",
}

/** Resolve any CSS colour, also of a variable and of a colour space that WebGL does not know. */
export function resolveColour(element: Element, colour: string): string {
  const probe = document.createElement("span")
  probe.style.color = colour
  element.append(probe)
  const computed = getComputedStyle(probe).color
  probe.remove()
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = 1
  const context = canvas.getContext("2d", { willReadFrequently: true })
  if (!context) return computed
  context.fillStyle = computed
  context.fillRect(0, 0, 1, 1)
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data
  return `rgb(${red}, ${green}, ${blue})`
}

export function readMapColours(element: Element): MapColours {
  const colours = Object.fromEntries(
    Object.entries(NAMES).map(([name, variable]) => [
      name,
      resolveColour(element, `var(${variable})`),
    ]),
  ) as Record<keyof typeof NAMES, string>
  const ink = Number(colours.ink.match(/\d+/)?.[0] ?? 0)
  return { ...colours, isDark: ink > 127 }
}

/** Count the changes of the theme, so that drawings with resolved colours follow it. */
export function useThemeChanges(): number {
  const [count, setCount] = useState(0)
  useEffect(() => {
    const change = () => setCount((before) => before + 1)
    const observer = new MutationObserver(change)
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] })
    const system = matchMedia("(prefers-color-scheme: dark)")
    system.addEventListener("change", change)
    return () => {
      observer.disconnect()
      system.removeEventListener("change", change)
    }
  }, [])
  return count
}
