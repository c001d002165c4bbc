/** The colour theme that the user chose, stored in this browser. */
const KEY = "trapline.theme"

export type Theme = "auto" | "light" | "dark"

export function getTheme(): Theme {
  const kept = localStorage.getItem(KEY)
  return kept === "light" || kept === "dark" ? kept : "auto"
}

export function applyTheme(chosen: Theme = getTheme()): void {
  if (chosen === "auto") {
    localStorage.removeItem(KEY)
    delete document.documentElement.dataset.theme
  } else {
    localStorage.setItem(KEY, chosen)
    document.documentElement.dataset.theme = chosen
  }
}
