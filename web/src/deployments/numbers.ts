import { formatInput } from "../ui/en"

/** Format a number for its text field, which can be empty. */
export const formatNumber = (value: number | null | undefined) =>
  typeof value === "number" ? formatInput(value) : ""

/** Parse a number within limits; null for empty text, undefined for anything else. */
export function parseNumber(text: string, least: number, most: number): number | null | undefined {
  if (text.trim() === "") return null
  const value = Number(text.replace(",", "."))
  return Number.isFinite(value) && value >= least && value <= most ? value : undefined
}
