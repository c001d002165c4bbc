/**
 * Numbers and plurals of one language, by the rules of the Unicode CLDR that the browser contains.
 * The catalogue of each language (ui/en.ts, ui/de.ts) creates its own formats.
 */

/** Forms of a language with more than two, such as Polish `few` and `many`. */
type MoreForms = Partial<Record<Intl.LDMLPluralRule, string>>

export function createFormats(locale: string) {
  const numbers = new Intl.NumberFormat(locale)
  const rules = new Intl.PluralRules(locale)
  const decimals = new Map<number, Intl.NumberFormat>()

  /** Format a whole number, such as "12,345". */
  const formatCount = (count: number) => numbers.format(count)

  /** Return the form that the language uses with this number, without the number. */
  const choosePlural = (count: number, one: string, other: string, more: MoreForms = {}) => {
    const form = rules.select(count)
    return form === "one" ? one : (more[form] ?? other)
  }

  /** Format a number with its noun, such as "1 image" or "12,345 images". */
  const formatPlural = (count: number, one: string, other: string, more?: MoreForms) =>
    `${formatCount(count)} ${choosePlural(count, one, other, more)}`

  /** Format a number with exactly this many decimals, such as "4.10". */
  const formatDecimal = (value: number, digits: number) => {
    let format = decimals.get(digits)
    if (!format) {
      format = new Intl.NumberFormat(locale, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
        useGrouping: false,
      })
      decimals.set(digits, format)
    }
    return format.format(value)
  }

  const plain = new Intl.NumberFormat(locale, { maximumFractionDigits: 20, useGrouping: false })

  /** Format a number with all its digits, for a text field. */
  const formatInput = (value: number) => plain.format(value)

  return { locale, formatCount, choosePlural, formatPlural, formatDecimal, formatInput }
}
