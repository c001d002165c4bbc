/** The menu of all filters, and the value of one of them. */
import * as Ariakit from "@ariakit/react"
import { ChevronLeft } from "lucide-react"
import { useState } from "react"
import type { ImageFilter } from "../images/queries"
import { filterTexts as t } from "./en"
import { FilterEditor } from "./FilterEditor"
import { type FilterId, searchFilters } from "./filterFields"
import { OptionList } from "./OptionList"

interface FilterMenuProps {
  filter: ImageFilter
  /** The filter to edit; null starts with the list of all filters. */
  first: FilterId | null
  opener: HTMLElement
  isShown: (id: FilterId) => boolean
  onChange: (changes: Partial<ImageFilter>) => void
  onClose: () => void
}

export function FilterMenu({ filter, first, opener, isShown, onChange, onClose }: FilterMenuProps) {
  const [id, setId] = useState(first)
  const [typed, setTyped] = useState("")
  const choose = (one: FilterId) => {
    setTyped("")
    // It has one value: choosing it sets it.
    if (one === "deleted") {
      onChange({ deleted: "true" })
      onClose()
    } else setId(one)
  }
  const apply = (changes: Partial<ImageFilter>) => {
    onChange(changes)
    onClose()
  }
  return (
    <Ariakit.PopoverProvider open setOpen={(open) => !open && onClose()} placement="bottom-start">
      <Ariakit.Popover
        className={id === null ? "menu filter-menu" : "menu filter-menu filter-menu-one"}
        aria-label={id === null ? t.menu : t.names[id]}
        gutter={6}
        overflowPadding={8}
        fitViewport
        portal
        // A chip that was removed in the meantime cannot take the focus.
        finalFocus={opener}
        getAnchorRect={() => opener.getBoundingClientRect()}
        hideOnInteractOutside={(event) => !opener.contains(event.target as Node)}
      >
        {id === null ? (
          <OptionList
            label={t.search}
            placeholder={t.search}
            typed={typed}
            onType={setTyped}
            columns
            groups={searchFilters(typed, t.names, t.groups, isShown).map(([group, ids]) => ({
              key: group,
              name: t.groups[group],
              options: ids.map((one) => ({
                key: one,
                text: t.names[one],
                onChoose: () => choose(one),
              })),
            }))}
          />
        ) : (
          <>
            <div className="filter-menu-head">
              {first === null && (
                <button
                  type="button"
                  className="icon-button"
                  aria-label={t.back}
                  title={t.back}
                  onClick={() => setId(null)}
                >
                  <ChevronLeft size={17} />
                </button>
              )}
              <Ariakit.PopoverHeading className="filter-menu-title">
                {t.names[id]}
              </Ariakit.PopoverHeading>
            </div>
            <FilterEditor
              id={id}
              filter={filter}
              onChange={onChange}
              onApply={apply}
              onClose={onClose}
            />
          </>
        )}
      </Ariakit.Popover>
    </Ariakit.PopoverProvider>
  )
}
