/** The search for a species in place of the proposal; it never covers the image. */
import { useQuery } from "@tanstack/react-query"
import { Search, X } from "lucide-react"
import { type KeyboardEvent, useDeferredValue, useEffect, useRef, useState } from "react"
import type { Taxon } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { observationGroupsQuery } from "../images/queries"
import { chooseCommonName, getUserLanguages } from "../taxa/commonNames"
import { taxonChoicesQuery } from "../taxa/queries"
import { IconButton } from "../ui/Button"
import { reviewScreenTexts as t } from "./en"
import { getShownName, type TaxonChoice } from "./proposal"
import { listSpecies } from "./reviewQueries"

interface SpeciesSearchProps {
  title?: string
  project: number
  recent: readonly TaxonChoice[]
  /** The species of the digits, which then choose no option; null for a free digit. */
  palette?: readonly (TaxonChoice | null)[]
  /** `later` are the keys that were pressed after the choice, while the search ran. */
  onChoose: (choice: TaxonChoice, stays: boolean, later: readonly string[]) => void
  onClose: () => void
}

interface Option extends TaxonChoice {
  note: string
  isTyped?: boolean
}

/** A choice that waits for the results of the search. */
interface HeldChoice {
  place: number
  stays: boolean
  /** Added to the text if there is no such option. */
  text: string
}

const LIST = "review-species"
const LAST_DIGIT = 6

const buildOption = (taxon: Taxon): Option => {
  const common = chooseCommonName(taxon.common_names, getUserLanguages())
  const accepted = taxon.accepted_name
  return {
    name: accepted ?? taxon.scientific_name,
    taxon: taxon.accepted_id ?? taxon.id,
    common: accepted ? null : common,
    note: accepted
      ? `${taxon.scientific_name}, ${t.synonymOf(accepted)}`
      : [
          common ? taxon.scientific_name : "",
          ...Object.values(taxon.common_names).flatMap((names) => names.slice(0, 1)),
        ]
          .filter((one) => one && one !== common)
          .slice(0, 2)
          .join(", "),
  }
}

const isRunning = (query: {
  fetchStatus: string
  isPending: boolean
  isPlaceholderData: boolean
}) => query.fetchStatus === "fetching" && (query.isPending || query.isPlaceholderData)

export function SpeciesSearch(props: SpeciesSearchProps) {
  const { title = t.change, project, recent, palette, onChoose, onClose } = props
  const classColour = useClassColour()
  const [text, setText] = useState("")
  const [at, setAt] = useState(0)
  const asked = useDeferredValue(text.trim())
  const found = useQuery(taxonChoicesQuery(project, asked))
  const named = useQuery(observationGroupsQuery(project, "name"))
  /** Whether the user moved to an option. */
  const [isMoved, setMoved] = useState(false)
  const [held, setHeld] = useState<HeldChoice | null>(null)
  const later = useRef<string[]>([])
  const observed = listSpecies(named.data?.groups.map(({ key }) => key) ?? [])
  const typed = text.trim()
  // The results of an earlier text are not options of this one.
  const isOfText = asked === typed && !found.isPlaceholderData
  const isSettled = asked === typed && !isRunning(found) && !isRunning(named)
  const isMissing = typed.length > 1 && (found.isError || found.fetchStatus === "paused")
  const isMatch = (one: TaxonChoice) =>
    [one.name, one.common ?? ""].some((name) => name.toLowerCase().includes(typed.toLowerCase()))
  const options: Option[] = recent
    .filter(isMatch)
    .map((one) => ({ ...one, note: one.common ? `${one.name}, ${t.recent}` : t.recent }))
  const certain = options.length
  const add = (option: Option) => {
    const key = option.name.toLowerCase()
    if (!options.some(({ name }) => name.toLowerCase() === key)) options.push(option)
  }
  if (isOfText && typed.length > 1)
    for (const taxon of found.data?.results ?? []) add(buildOption(taxon))
  if (typed)
    for (const name of observed.filter((one) => isMatch({ name: one, taxon: null })))
      add({ name, taxon: null, note: t.observed })
  if (typed && !options.some(({ name }) => name.toLowerCase() === typed.toLowerCase()))
    options.push({ name: typed, taxon: null, note: t.asTyped(typed), isTyped: true })
  const current = Math.min(at, options.length - 1)
  const choose = (option: Option | undefined, stays: boolean) =>
    option &&
    onChoose(
      { name: option.name, taxon: option.taxon, common: option.common },
      stays,
      later.current,
    )
  /**
   * Choose an option, after the search ended if its results can be at that place. A name that could
   * not be searched becomes free text only if the user moved to it.
   */
  const chooseAt = (place: number, stays: boolean, otherwise = "") =>
    isSettled || place < certain
      ? !(isMissing && !isMoved && options[place]?.isTyped) && choose(options[place], stays)
      : setHeld({ place, stays, text: otherwise })
  useEffect(() => {
    if (!held || !isSettled) return
    setHeld(null)
    const option = options[held.place]
    if (option) chooseAt(held.place, held.stays)
    else if (held.text) {
      setText(text + held.text + later.current.filter((key) => key.length === 1).join(""))
      later.current = []
    }
  })
  const onKeyDown = (event: KeyboardEvent) => {
    const digit = Number(event.key)
    if (event.key === "Escape") onClose()
    else if (held) later.current.push(event.key)
    else if (event.key === "Enter" && current > 0) choose(options[current], event.shiftKey)
    else if (event.key === "Enter") chooseAt(0, event.shiftKey)
    else if (event.key === "ArrowDown") {
      setMoved(true)
      setAt(Math.min(current + 1, options.length - 1))
    } else if (event.key === "ArrowUp") setAt(Math.max(current - 1, 0))
    else if (palette) {
      const choice = text === "" ? palette[digit - 1] : null
      if (!choice) return
      onChoose(choice, event.shiftKey, [])
    } else if (digit >= 2 && digit <= LAST_DIGIT && (options[digit - 1] || !isSettled))
      chooseAt(digit - 1, false, event.key)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <section className="review-search" data-testid="species-search">
      <h2>{title}</h2>
      <div className="review-field">
        <Search size={18} aria-hidden />
        <input
          role="combobox"
          aria-label={t.search}
          aria-expanded={options.length > 0}
          aria-controls={LIST}
          aria-activedescendant={options.length > 0 ? `${LIST}-${current}` : undefined}
          aria-autocomplete="list"
          placeholder={t.searchHint}
          maxLength={255}
          autoComplete="off"
          // biome-ignore lint/a11y/noAutofocus: the user opened the search to type
          autoFocus
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            setAt(0)
            setMoved(false)
          }}
          onKeyDown={onKeyDown}
        />
        <IconButton label={t.cancel} onClick={onClose}>
          <X size={18} />
        </IconButton>
      </div>
      <div id={LIST} role="listbox" aria-label={t.search} className="review-options">
        {options.map((option, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
          <div
            key={`${option.taxon ?? ""} ${option.name}`}
            id={`${LIST}-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === current}
            onClick={() => choose(option, false)}
          >
            <span className="review-swatch" style={{ background: classColour(option.name) }} />
            <span className="review-option-name">{getShownName(option)}</span>
            <small>{option.note}</small>
            {place < (palette ? 1 : LAST_DIGIT) && (
              <kbd aria-hidden>{place === 0 ? "Enter" : place + 1}</kbd>
            )}
          </div>
        ))}
      </div>
      {isMissing && (
        <p className="red small" role="status">
          {t.searchFailed}
        </p>
      )}
      <p className="review-hints">
        <span>
          <kbd>Enter</kbd> {t.enterHint}
        </span>
        <span>
          <kbd>Shift</kbd> <kbd>Enter</kbd> {t.stayHint}
        </span>
        <span>
          <kbd>Esc</kbd> {t.cancel}
        </span>
      </p>
    </section>
  )
}
