/** The value of one filter: a list to choose from, numbers, or days. */
import { type FormEvent, type ReactNode, useState } from "react"
import type { ImageFilter } from "../images/queries"
import { Button } from "../ui/Button"
import { SelectField, TextField } from "../ui/Field"
import { filterTexts as t } from "./en"
import { type FilterId, getFilterKeys, parsePercent } from "./filterFields"
import { OptionList } from "./OptionList"
import { useFilterOptions } from "./useFilterOptions"

interface FilterEditorProps {
  id: FilterId
  filter: ImageFilter
  /** Sets the filter; the menu stays open. */
  onChange: (changes: Partial<ImageFilter>) => void
  /** Sets the filter and closes the menu. */
  onApply: (changes: Partial<ImageFilter>) => void
  onClose: () => void
}

export function FilterEditor(props: FilterEditorProps) {
  if (props.id === "date") return <DateEditor {...props} />
  if (props.id === "hours") return <HoursEditor {...props} />
  if (props.id === "confidence") return <ConfidenceEditor {...props} />
  if (props.id === "count_min") return <CountEditor {...props} />
  return <OptionEditor {...props} />
}

function OptionEditor({ id, filter, onChange, onApply, onClose }: FilterEditorProps) {
  const [typed, setTyped] = useState("")
  const hasSeveral = id === "deployment"
  const { groups, isLoading } = useFilterOptions(id, filter, typed, hasSeveral ? onChange : onApply)
  return (
    <>
      <OptionList
        label={t.names[id]}
        placeholder={t.searchIn(t.names[id])}
        typed={typed}
        onType={setTyped}
        groups={groups}
        isLoading={isLoading}
      />
      {hasSeveral && (
        <div className="dialog-actions">
          <Button small kind="accent" onClick={onClose}>
            {t.done}
          </Button>
        </div>
      )}
    </>
  )
}

/** A form that sets the filter when it is submitted. */
function ValueForm({
  changes,
  onApply,
  children,
}: {
  changes: Partial<ImageFilter>
  onApply: (changes: Partial<ImageFilter>) => void
  children: ReactNode
}) {
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onApply(changes)
  }
  return (
    <form className="form filter-form" onSubmit={submit}>
      {children}
      <div className="dialog-actions">
        <Button kind="accent" type="submit">
          {t.apply}
        </Button>
      </div>
    </form>
  )
}

/** Return the edited values of a filter, and a function that builds a field's properties. */
function useDraft(id: FilterId, filter: ImageFilter) {
  const [draft, setDraft] = useState<Partial<ImageFilter>>(() =>
    Object.fromEntries(getFilterKeys(id).map((key) => [key, filter[key]])),
  )
  const field = (key: keyof ImageFilter) => ({
    value: draft[key] ?? "",
    onChange: (event: { target: { value: string } }) =>
      setDraft({ ...draft, [key]: event.target.value }),
  })
  return { draft, field }
}

function DateEditor({ filter, onApply }: FilterEditorProps) {
  const { draft, field } = useDraft("date", filter)
  return (
    <ValueForm changes={draft} onApply={onApply}>
      <div className="form-row">
        <TextField label={t.from} type="date" autoFocus {...field("from")} />
        <TextField label={t.to} type="date" min={draft.from} {...field("to")} />
      </div>
    </ValueForm>
  )
}

function HoursEditor({ filter, onApply }: FilterEditorProps) {
  const { draft, field } = useDraft("hours", filter)
  const hours = Array.from({ length: 25 }, (_, hour) => hour)
  const list = (first: number) =>
    hours.slice(first, first + 24).map((hour) => (
      <option key={hour} value={hour}>
        {t.hour(hour)}
      </option>
    ))
  return (
    <ValueForm changes={draft} onApply={onApply}>
      <p className="soft small">{t.hoursHint}</p>
      <div className="form-row">
        <SelectField label={t.from} autoFocus {...field("hour_from")}>
          <option value="">{t.hour(0)}</option>
          {list(1).slice(0, 23)}
        </SelectField>
        <SelectField label={t.to} {...field("hour_to")}>
          {list(1).slice(0, 23)}
          <option value="">{t.hour(24)}</option>
        </SelectField>
      </div>
    </ValueForm>
  )
}

function ConfidenceEditor({ filter, onApply }: FilterEditorProps) {
  const { draft, field } = useDraft("confidence", filter)
  const percent = (key: "confidence" | "confidence_max") =>
    String(parsePercent(draft[key] ?? "") ?? "")
  return (
    <ValueForm
      changes={{ confidence: percent("confidence"), confidence_max: percent("confidence_max") }}
      onApply={onApply}
    >
      <TextField
        label={t.leastConfidence}
        type="number"
        min={1}
        max={99}
        step={1}
        autoFocus
        {...field("confidence")}
      />
      <TextField
        label={t.mostConfidence}
        type="number"
        min={1}
        max={99}
        step={1}
        {...field("confidence_max")}
      />
    </ValueForm>
  )
}

function CountEditor({ filter, onApply }: FilterEditorProps) {
  const { draft, field } = useDraft("count_min", filter)
  return (
    <ValueForm changes={draft} onApply={onApply}>
      <TextField
        label={t.leastCount}
        type="number"
        min={1}
        max={1_000_000}
        step={1}
        autoFocus
        {...field("count_min")}
      />
    </ValueForm>
  )
}
