/** Brightness, contrast and gamma of the shown image, remembered per deployment. */

export interface Adjustments {
  /** Percent. */
  brightness: number
  /** Percent. */
  contrast: number
  /** Percent; higher values lift the shadows and keep bright parts. */
  gamma: number
}

export const UNADJUSTED: Adjustments = { brightness: 100, contrast: 100, gamma: 100 }
export const NIGHT: Adjustments = { brightness: 100, contrast: 110, gamma: 170 }
export const RANGES: Record<keyof Adjustments, [number, number]> = {
  brightness: [50, 300],
  contrast: [50, 200],
  gamma: [40, 250],
}
export const GAMMA_FILTER = "review-gamma"
const PREFIX = "trapline.adjustments."

const isSame = (one: Adjustments, other: Adjustments) =>
  one.brightness === other.brightness &&
  one.contrast === other.contrast &&
  one.gamma === other.gamma

export const isAdjusted = (one: Adjustments) => !isSame(one, UNADJUSTED)

/** Load the adjustments of a deployment; values outside the ranges are ignored. */
export function loadAdjustments(deployment: string): Adjustments {
  try {
    const found = JSON.parse(localStorage.getItem(PREFIX + deployment) ?? "{}") as Adjustments
    const isValid = (Object.keys(RANGES) as (keyof Adjustments)[]).every((key) => {
      const [least, most] = RANGES[key]
      return typeof found[key] === "number" && found[key] >= least && found[key] <= most
    })
    return isValid ? found : UNADJUSTED
  } catch {
    return UNADJUSTED
  }
}

export function saveAdjustments(deployment: string, adjustments: Adjustments): void {
  try {
    if (isAdjusted(adjustments))
      localStorage.setItem(PREFIX + deployment, JSON.stringify(adjustments))
    else localStorage.removeItem(PREFIX + deployment)
  } catch {
    // The browser refuses storage: the adjustments apply until the page is closed.
  }
}

/** Build the CSS filter of an image. */
export function buildFilter({ brightness, contrast, gamma }: Adjustments): string {
  const parts = [
    gamma === 100 ? "" : `url(#${GAMMA_FILTER})`,
    brightness === 100 ? "" : `brightness(${brightness}%)`,
    contrast === 100 ? "" : `contrast(${contrast}%)`,
  ]
  return parts.filter(Boolean).join(" ") || "none"
}
