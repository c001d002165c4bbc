/** The dialog for a correction: a taxon of the project or free text, with count and details. */
import * as Ariakit from "@ariakit/react"
import { type FormEvent, useEffect, useState } from "react"
import type { Taxon } from "../api/types"
import { useTaxonChoices } from "../taxa/searchResults"
import { Button } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { SelectField, TextField } from "../ui/Field"
import { reviewTexts as t } from "./en"
import type { IdentificationInput } from "./useIdentify"

interface CorrectionDialogProps {
  project: number
  onSay: (saying: IdentificationInput) => void
  onClose: () => void
}

const getOtherNames = (taxon: Taxon): string =>
  taxon.accepted_name
    ? t.synonymOf(taxon.accepted_name)
    : Object.values(taxon.common_names)
        .flatMap((names) => names.slice(0, 1))
        .slice(0, 2)
        .join(", ")

export function CorrectionDialog({ project, onSay, onClose }: CorrectionDialogProps) {
  const [name, setName] = useState("")
  const [chosen, setChosen] = useState<Taxon | null>(null)
  const [count, setCount] = useState("")
  const [sex, setSex] = useState("")
  const [stage, setStage] = useState("")
  const [behaviour, setBehaviour] = useState("")
  const own = name.trim()
  const { found, isSettled } = useTaxonChoices(project, own)
  const type = (text: string) => {
    setName(text)
    // An option sets the choice and the text at once: the choice of this moment counts.
    setChosen((now) => (now?.scientific_name === text ? now : null))
  }
  const store = Ariakit.useComboboxStore({ value: name, setValue: type })
  // Results that arrive after a key was pressed are not selected automatically.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the results of a text arrive
  useEffect(() => {
    if (!isSettled || !own || chosen) return
    const frame = requestAnimationFrame(() => store.move(store.first()))
    return () => cancelAnimationFrame(frame)
  }, [isSettled, own])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!own) return
    onSay({
      kind: "correct",
      ...(chosen
        ? {
            taxon: chosen.accepted_id ?? chosen.id,
            name: chosen.accepted_name ?? chosen.scientific_name,
          }
        : { label: own }),
      count: count ? Number(count) : undefined,
      sex: (sex || undefined) as IdentificationInput["sex"],
      life_stage: (stage || undefined) as IdentificationInput["life_stage"],
      behaviour: behaviour.trim() || undefined,
    })
  }
  return (
    <form className="form correction" onSubmit={submit} data-testid="correction">
      <Ariakit.ComboboxProvider store={store}>
        <div className="field">
          <Ariakit.ComboboxLabel>{t.isIt}</Ariakit.ComboboxLabel>
          <Ariakit.Combobox
            className="input"
            autoSelect="always"
            autoFocus
            maxLength={255}
            autoComplete="off"
            placeholder={t.isItHint}
            onKeyDown={(event) => {
              // Enter would submit the typed text while taxa are searched.
              const isEarly = event.key === "Enter" && !isSettled && !chosen
              if (event.key === "Escape" || isEarly) event.preventDefault()
              if (event.key === "Escape") onClose()
            }}
          />
        </div>
        <Ariakit.ComboboxPopover className="menu" gutter={4} sameWidth portal>
          {found.map((taxon) => (
            <Ariakit.ComboboxItem
              key={taxon.id}
              className="menu-item"
              value={taxon.scientific_name}
              hideOnClick
              focusOnHover
              onClick={() => setChosen(taxon)}
            >
              {taxon.scientific_name}
              <span className="kind">{getOtherNames(taxon)}</span>
            </Ariakit.ComboboxItem>
          ))}
          {!isSettled && <p className="menu-item soft">{uiTexts.loading}</p>}
          {own && isSettled && (
            <Ariakit.ComboboxItem
              className="menu-item"
              value={own}
              hideOnClick
              focusOnHover
              onClick={() => setChosen(null)}
            >
              {t.inOwnWords(own)}
            </Ariakit.ComboboxItem>
          )}
        </Ariakit.ComboboxPopover>
      </Ariakit.ComboboxProvider>
      <details className="more">
        <summary>{t.more}</summary>
        <div className="correction-details">
          <TextField
            label={t.count}
            type="number"
            min={1}
            max={1_000_000}
            step={1}
            value={count}
            onChange={(event) => setCount(event.target.value)}
          />
          <SelectField label={t.sex} value={sex} onChange={(event) => setSex(event.target.value)}>
            <option value="">{t.notSpecified}</option>
            {Object.entries(t.sexes).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
          <SelectField
            label={t.lifeStage}
            value={stage}
            onChange={(event) => setStage(event.target.value)}
          >
            <option value="">{t.notSpecified}</option>
            {Object.entries(t.lifeStages).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
          <TextField
            label={t.behaviour}
            maxLength={255}
            value={behaviour}
            onChange={(event) => setBehaviour(event.target.value)}
          />
        </div>
      </details>
      <div className="correction-actions">
        <Button small kind="accent" type="submit" disabled={!own}>
          {t.save}
        </Button>
        <Button small kind="quiet" onClick={onClose}>
          {t.cancel}
        </Button>
      </div>
    </form>
  )
}
