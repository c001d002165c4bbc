import { Languages } from "lucide-react"
import { languageTexts as t } from "./en"
import { LANGUAGE, LANGUAGES, type Language, setLanguage } from "./language"

/** A select with the languages of the page, each by its own name. */
export function LanguageSelect() {
  return (
    <label className="language-select">
      <Languages size={16} aria-hidden />
      <span className="visually-hidden">{t.title}</span>
      <select
        className="input"
        value={LANGUAGE}
        onChange={(event) => setLanguage(event.target.value as Language)}
      >
        {LANGUAGES.map(([language, name]) => (
          <option key={language} value={language} lang={language}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
