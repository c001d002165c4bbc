/** The languages of the page, and the Vite plugin that builds the page in one of them. */
import type { Plugin } from "vite"

/**
 * Components import the texts of the first language ("./en"). A build in another language takes
 * them from the file with that name in the same folder ("./de").
 */
export const LANGUAGES = ["en", "de"] as const

export type Language = (typeof LANGUAGES)[number]

export function parseLanguage(name: string | undefined): Language {
  const language = LANGUAGES.find((one) => one === (name || LANGUAGES[0]))
  if (language) return language
  throw new Error(`The page has no language ${name}. Its languages are ${LANGUAGES.join(", ")}.`)
}

/** The file that the server returns as the page in this language. */
export const getIndexName = (language: Language) =>
  language === LANGUAGES[0] ? "index.html" : `index.${language}.html`

export function selectLanguage(language: Language): Plugin {
  const isOther = language !== LANGUAGES[0]
  return {
    name: "select-language",
    enforce: "pre",
    resolveId(source, importer, options) {
      if (!isOther || !/^\.{1,2}\/(.*\/)?en$/.test(source)) return null
      const translated = source.replace(/en$/, language)
      return this.resolve(translated, importer, { ...options, skipSelf: true })
    },
    transformIndexHtml: (html) =>
      html.replace(`<html lang="${LANGUAGES[0]}">`, `<html lang="${language}">`),
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const index = bundle["index.html"]
        if (index) index.fileName = getIndexName(language)
      },
    },
  }
}
