/** The language that the user chose. The server reads the cookie and returns the page in it. */
import { languageTexts, locale } from "./en"

/** The same name as in src/trapline/server/app/http/page_languages.py. */
const COOKIE = "trapline_language"
const ONE_YEAR_S = 31_536_000

export type Language = keyof typeof languageTexts.names

/** Each language with its name in that language. */
export const LANGUAGES = Object.entries(languageTexts.names) as [Language, string][]

/** The language of this page. */
export const LANGUAGE = locale.slice(0, 2) as Language

/** Store the choice in this browser and load the page in that language. */
export function setLanguage(language: Language): void {
  const secure = window.location.protocol === "https:" ? "; secure" : ""
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API requires HTTPS.
  document.cookie = `${COOKIE}=${language}; path=/; max-age=${ONE_YEAR_S}; samesite=lax${secure}`
  window.location.reload()
}
