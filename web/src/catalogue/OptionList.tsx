/** A field that searches a list of options in groups, which is always open. */
import * as Ariakit from "@ariakit/react"
import { Check } from "lucide-react"
import type { ReactNode } from "react"
import { filterTexts as t } from "./en"

export interface Option {
  key: string
  text: string
  /** A number or another name, behind the text. */
  note?: string
  mark?: ReactNode
  isChosen?: boolean
  onChoose: () => void
}

export interface OptionGroup {
  key: string
  /** A group without a name has no heading. */
  name?: string
  options: Option[]
}

interface OptionListProps {
  label: string
  placeholder: string
  typed: string
  onType: (text: string) => void
  groups: OptionGroup[]
  /** Whether groups are columns if there is space. */
  columns?: boolean
  isLoading?: boolean
  maxLength?: number
}

const keepOpen = () => undefined

export function OptionList({
  label,
  placeholder,
  typed,
  onType,
  groups,
  columns,
  isLoading,
  maxLength = 255,
}: OptionListProps) {
  return (
    <Ariakit.ComboboxProvider
      open
      setOpen={keepOpen}
      value={typed}
      setValue={onType}
      focusLoop={false}
    >
      <Ariakit.Combobox
        className="input"
        aria-label={label}
        placeholder={placeholder}
        autoSelect="always"
        autoComplete="off"
        spellCheck={false}
        maxLength={maxLength}
        autoFocus
      />
      <Ariakit.ComboboxList
        alwaysVisible
        className={columns ? "option-list option-columns" : "option-list"}
        aria-label={label}
      >
        {groups.map((group) => (
          <Ariakit.ComboboxGroup key={group.key}>
            {group.name && (
              <Ariakit.ComboboxGroupLabel className="menu-label">
                {group.name}
              </Ariakit.ComboboxGroupLabel>
            )}
            {group.options.map((option) => (
              <Ariakit.ComboboxItem
                key={option.key}
                className="menu-item"
                value={option.text}
                setValueOnClick={false}
                hideOnClick={false}
                focusOnHover
                data-option={option.key}
                onClick={option.onChoose}
              >
                {option.mark}
                <span className="option-name">{option.text}</span>
                {option.isChosen && <Check size={14} aria-label={t.chosen} />}
                {option.note && <span className="kind">{option.note}</span>}
              </Ariakit.ComboboxItem>
            ))}
          </Ariakit.ComboboxGroup>
        ))}
      </Ariakit.ComboboxList>
      {groups.every((group) => group.options.length === 0) && (
        <p className="menu-label" role="status">
          {isLoading ? t.loading : t.noOption}
        </p>
      )}
    </Ariakit.ComboboxProvider>
  )
}
