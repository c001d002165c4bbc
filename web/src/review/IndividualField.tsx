/** The field that names the individual of a box or of a unit, in place of the proposal. */
import { useQuery } from "@tanstack/react-query"
import { PawPrint, X } from "lucide-react"
import { type KeyboardEvent, useEffect, useState } from "react"
import { IconButton } from "../ui/Button"
import { reviewScreenTexts as t } from "./en"
import { type IndividualOption, listIndividualOptions } from "./individuals"
import { individualsQuery } from "./reviewQueries"

interface IndividualFieldProps {
  project: number
  /** The species of the box or of the unit: its individuals are listed first. */
  species: string
  shownSpecies: string
  /** Individuals that were named since the page was opened, the last one first. */
  recent: readonly string[]
  onChoose: (name: string, stays: boolean) => void
  onClose: () => void
}

const LIST = "review-individuals"
const MAX_SHOWN = 50

export function IndividualField(props: IndividualFieldProps) {
  const { project, species, shownSpecies, recent, onChoose, onClose } = props
  const [text, setText] = useState("")
  const [at, setAt] = useState(0)
  const known = useQuery(individualsQuery(project))
  /** Enter before the list came; `stays` is with Shift. */
  const [held, setHeld] = useState<{ stays: boolean } | null>(null)
  const isLoading = known.isPending && known.fetchStatus === "fetching"
  const options = listIndividualOptions(known.data?.results ?? [], recent, species, text).slice(
    0,
    MAX_SHOWN,
  )
  const current = Math.min(at, options.length - 1)
  const choose = (option: IndividualOption | undefined, stays: boolean) =>
    option && onChoose(option.name, stays)
  useEffect(() => {
    if (!held || isLoading) return
    setHeld(null)
    choose(options[current], held.stays)
  })
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose()
    else if (event.key === "Enter" && isLoading) setHeld({ stays: event.shiftKey })
    else if (event.key === "Enter") choose(options[current], event.shiftKey)
    else if (event.key === "ArrowDown") setAt((current + 1) % Math.max(options.length, 1))
    else if (event.key === "ArrowUp")
      setAt((current - 1 + options.length) % Math.max(options.length, 1))
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <section className="review-search" data-testid="individual-field">
      <h2>{t.individualOf(shownSpecies)}</h2>
      <div className="review-field">
        <PawPrint size={18} aria-hidden />
        <input
          role="combobox"
          aria-label={t.individual}
          aria-expanded={options.length > 0}
          aria-controls={LIST}
          aria-activedescendant={options.length > 0 ? `${LIST}-${current}` : undefined}
          aria-autocomplete="list"
          placeholder={t.individualHint}
          maxLength={255}
          autoComplete="off"
          spellCheck={false}
          // biome-ignore lint/a11y/noAutofocus: the user opened the field to type
          autoFocus
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            setAt(0)
          }}
          onKeyDown={onKeyDown}
        />
        <IconButton label={t.cancel} onClick={onClose}>
          <X size={18} />
        </IconButton>
      </div>
      <div id={LIST} role="listbox" aria-label={t.individual} className="review-options">
        {options.map((option, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
          <div
            key={option.name}
            id={`${LIST}-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === current}
            onClick={() => choose(option, false)}
          >
            <span aria-hidden />
            <span className="review-option-name">
              {option.isNew ? t.newIndividual(option.name) : option.name}
            </span>
            <small>
              {option.isNew
                ? t.isNewIndividual
                : option.images === null
                  ? t.recent
                  : t.individualNote(option.names, option.images)}
            </small>
          </div>
        ))}
        {options.length === 0 && (
          <p className="soft small">{isLoading ? t.loading : t.noIndividuals}</p>
        )}
      </div>
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
