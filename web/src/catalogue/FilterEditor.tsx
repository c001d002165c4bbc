/** The value of one filter: a list to choose from, numbers, or days. */
import { type FormEvent, type ReactNode, useState } from "react"
import type { ImageFilter } from "../images/queries"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { filterTexts as t } from "./en"
import { type FilterId, getFilterKeys, parsePercent } from "./filterFields"
import { OptionList } from "./OptionList"
import { useFilterOptions } from "./useFilterOptions"

interface FilterEditorProps {
  id: FilterId
  filter: ImageFilter
  /** Sets the filter and closes the menu. */
  onApply: (changes: Partial<ImageFilter>) => void
  onClose: () => void
}

export function FilterEditor(props: FilterEditorProps) {
  if (props.id === "date") return <DateEditor {...props} />
  if (props.id === "confidence") return <ConfidenceEditor {...props} />
  if (props.id === "count_min") return <CountEditor {...props} />
  return <OptionEditor {...props} />
}

function OptionEditor({ id, filter, onApply }: FilterEditorProps) {
  const [typed, setTyped] = useState("")
  const { groups, isLoading } = useFilterOptions(id, filter, typed, onApply)
  return (
    <OptionList
      label={t.names[id]}
      placeholder={t.searchIn(t.names[id])}
      typed={typed}
      onType={setTyped}
      groups={groups}
      isLoading={isLoading}
    />
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

function ConfidenceEditor({ filter, onApply }: FilterEditorProps) {
  const { draft, field } = useDraft("confidence", filter)
  return (
    <ValueForm
      changes={{ confidence: String(parsePercent(draft.confidence ?? "") ?? "") }}
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
