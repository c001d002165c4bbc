/** The filters that are set as chips, and a menu that adds one. */
import { Plus } from "lucide-react"
import { lazy, type ReactNode, Suspense, useRef, useState } from "react"
import { imageTexts } from "../images/en"
import type { ImageFilter } from "../images/queries"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { shortenMiddle } from "../ui/names"
import { filterTexts as t } from "./en"
import { buildRemoval, type FilterId, isFiltered, listSetFilters } from "./filterFields"
import { useChipTexts } from "./useChipTexts"

// The menu loads when it is opened: the first content does not need it.
const FilterMenu = lazy(() => import("./FilterMenu").then((m) => ({ default: m.FilterMenu })))

/** Whether a filter is only removed, because its value is chosen on another screen or is fixed. */
const isFixed = (id: FilterId) => id === "sequence" || id === "deleted" || id === "comparison"

interface FilterBarProps {
  filter: ImageFilter
  /** Whether the filters select images for an operation: without deleted images. */
  choosing?: boolean
  onChange: (changes: Partial<ImageFilter>) => void
  onClear: () => void
  /** Controls at the end of the bar. */
  children?: ReactNode
}

interface OpenMenu {
  /** The filter to edit; null shows the list of all filters. */
  id: FilterId | null
  opener: HTMLElement
}

export function FilterBar({ filter, choosing, onChange, onClear, children }: FilterBarProps) {
  const project = useProject()
  const texts = useChipTexts(filter)
  const [menu, setMenu] = useState<OpenMenu | null>(null)
  const adder = useRef<HTMLButtonElement>(null)
  const chips = listSetFilters(filter)
  const open = (id: FilterId | null) => (event: { currentTarget: HTMLElement }) => {
    const opener = event.currentTarget
    setMenu((old) => (old?.opener === opener ? null : { id, opener }))
  }
  const remove = (id: FilterId) => {
    onChange(buildRemoval(id))
    // The chip and its button disappear.
    adder.current?.focus()
  }
  return (
    <div className="filter-bar" role="group" aria-label={imageTexts.filters}>
      <button
        ref={adder}
        type="button"
        className="chip chip-add"
        aria-haspopup="dialog"
        aria-expanded={menu !== null && menu.id === null}
        onClick={open(null)}
      >
        <Plus size={15} aria-hidden />
        {t.add}
      </button>
      {chips.length > 0 && (
        <ul className="chips" aria-label={t.chips}>
          {chips.map((id) => (
            <li key={id} className="chip" data-chip={id}>
              {isFixed(id) ? (
                <span className="chip-text">
                  <ChipText name={t.names[id]} value={texts[id]} />
                </span>
              ) : (
                <button
                  type="button"
                  className="chip-text"
                  title={texts[id]}
                  aria-haspopup="dialog"
                  aria-expanded={menu?.id === id}
                  onClick={open(id)}
                >
                  <ChipText name={t.names[id]} value={texts[id]} />
                </button>
              )}
              <button
                type="button"
                className="chip-remove"
                aria-label={t.remove(t.names[id], texts[id])}
                onClick={() => remove(id)}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      {isFiltered(filter) && (
        <Button small kind="quiet" className="filter-clear" onClick={onClear}>
          {imageTexts.clear}
        </Button>
      )}
      {children && <div className="filter-end">{children}</div>}
      {menu && (
        <Suspense fallback={null}>
          <FilterMenu
            key={menu.id}
            filter={filter}
            first={menu.id}
            opener={menu.opener}
            isShown={(id) => id !== "deleted" || (!choosing && canManage(project))}
            onChange={onChange}
            onClose={() => setMenu(null)}
          />
        </Suspense>
      )}
    </div>
  )
}

function ChipText({ name, value }: { name: string; value: string }) {
  return (
    <>
      <span className="chip-name">{name}</span>
      {value && <> {shortenMiddle(value)}</>}
    </>
  )
}
