/** A field that finds a taxon by any of its names. */
import * as Ariakit from "@ariakit/react"
import { useState } from "react"
import type { Taxon } from "../api/types"
import { useProject } from "../projects/projectContext"
import { uiTexts } from "../ui/en"
import { taxonTexts as t } from "./en"
import { useTaxonChoices } from "./searchResults"

interface TaxonSelectProps {
  /** The accessible name; a field with a visible label uses `id` instead. */
  label?: string
  id?: string
  placeholder?: string
  /** The name shown initially. */
  chosen: string
  onChoose: (taxon: Taxon) => void
}

export function TaxonSelect({
  label,
  id,
  placeholder = t.meansNone,
  chosen,
  onChoose,
}: TaxonSelectProps) {
  const project = useProject()
  const [typed, setTyped] = useState<string | null>(null)
  const asked = typed?.trim() ?? ""
  const { found, isSettled } = useTaxonChoices(project.id, asked)
  return (
    <Ariakit.ComboboxProvider value={typed ?? chosen} setValue={setTyped}>
      <Ariakit.Combobox
        id={id}
        className="input"
        aria-label={label}
        autoSelect
        autoComplete="off"
        spellCheck={false}
        maxLength={255}
        placeholder={placeholder}
        onBlur={() => setTyped(null)}
      />
      {asked && (
        <Ariakit.ComboboxPopover className="menu" gutter={4} portal>
          {found.map((taxon) => (
            <Ariakit.ComboboxItem
              key={taxon.id}
              className="menu-item"
              value={taxon.scientific_name}
              setValueOnClick={false}
              hideOnClick
              focusOnHover
              onClick={() => {
                setTyped(null)
                onChoose(taxon)
              }}
            >
              {taxon.scientific_name}
              <span className="kind">
                {taxon.accepted_name
                  ? t.synonymOf(taxon.accepted_name)
                  : Object.values(taxon.common_names).flat().slice(0, 2).join(", ")}
              </span>
            </Ariakit.ComboboxItem>
          ))}
          {!isSettled && <p className="menu-item soft">{uiTexts.loading}</p>}
          {isSettled && asked.length > 1 && found.length === 0 && (
            <p className="menu-item soft">{t.noMatchTitle}</p>
          )}
        </Ariakit.ComboboxPopover>
      )}
    </Ariakit.ComboboxProvider>
  )
}
