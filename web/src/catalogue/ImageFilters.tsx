import { useQuery } from "@tanstack/react-query"
import { ListFilter } from "lucide-react"
import { useId, useState } from "react"
import { deploymentsQuery } from "../deployments/queries"
import { imageTexts, markTexts } from "../images/en"
import { classesQuery, type ImageFilter, imageTagsQuery } from "../images/queries"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { formatCount, uiTexts } from "../ui/en"
import { observationFilterTexts, timeTexts } from "./en"
import { FilterChips, ObservationFilters } from "./ObservationFilters"

interface ImageFiltersProps {
  filter: ImageFilter
  filtered: boolean
  /**
   * Whether the filters select images for an operation: without the order and without deleted
   * images.
   */
  choosing?: boolean
  onChange: (key: keyof ImageFilter, value: string) => void
  onClear: () => void
}

export function ImageFilters({
  filter,
  filtered,
  choosing = false,
  onChange,
  onClear,
}: ImageFiltersProps) {
  const project = useProject()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const { data: tags } = useQuery(imageTagsQuery(project.id))
  const { data: classes } = useQuery(classesQuery(project.id))
  const [open, setOpen] = useState(false)
  const [byObservation, setByObservation] = useState(false)
  const id = useId()
  const t = imageTexts
  const m = markTexts
  const look = (key: keyof ImageFilter) => (filter[key] ? "input set" : "input")
  return (
    <>
      <Button
        small
        className="only-phone"
        icon={<ListFilter size={14} aria-hidden />}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {t.filters}
      </Button>
      <div className={open ? "filters open" : "filters"}>
        <select
          className={look("deployment")}
          aria-label={t.deployment}
          value={filter.deployment}
          onChange={(event) => onChange("deployment", event.target.value)}
        >
          <option value="">{t.anyDeployment}</option>
          {deployments?.results.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <select
          className={look("class")}
          aria-label={t.class}
          value={filter.class}
          onChange={(event) => onChange("class", event.target.value)}
        >
          <option value="">{t.anyClass}</option>
          {filter.class && !classes?.results.some((one) => one.class_name === filter.class) && (
            <option value={filter.class}>{filter.class}</option>
          )}
          {classes?.results.map((one) => (
            <option
              key={one.class_name}
              value={one.class_name}
            >{`${one.class_name} (${formatCount(one.images)})`}</option>
          ))}
        </select>
        <select
          className={look("analysis_state")}
          aria-label={t.state}
          value={filter.analysis_state}
          onChange={(event) => onChange("analysis_state", event.target.value)}
        >
          <option value="">{t.anyState}</option>
          {Object.entries(t.states).map(([state, text]) => (
            <option key={state} value={state}>
              {text}
            </option>
          ))}
        </select>
        <select
          className={look("blank")}
          aria-label={timeTexts.blank}
          value={filter.blank}
          onChange={(event) => onChange("blank", event.target.value)}
        >
          <option value="">{timeTexts.anyBlank}</option>
          <option value="false">{timeTexts.notBlank}</option>
          <option value="true">{timeTexts.onlyBlank}</option>
        </select>
        <select
          className={look("reviewed")}
          aria-label={timeTexts.reviewed}
          value={filter.reviewed}
          onChange={(event) => onChange("reviewed", event.target.value)}
        >
          <option value="">{timeTexts.anyReviewed}</option>
          <option value="true">{timeTexts.onlyReviewed}</option>
          <option value="false">{timeTexts.notReviewed}</option>
        </select>
        <select
          className={look("tag")}
          aria-label={m.tag}
          value={filter.tag}
          onChange={(event) => onChange("tag", event.target.value)}
        >
          <option value="">{m.anyTag}</option>
          {filter.tag && !tags?.results.some((one) => one.tag === filter.tag) && (
            <option value={filter.tag}>{filter.tag}</option>
          )}
          {tags?.results.map((one) => (
            <option
              key={one.tag}
              value={one.tag}
            >{`${one.tag} (${formatCount(one.images)})`}</option>
          ))}
        </select>
        <select
          className={look("starred")}
          aria-label={m.starred}
          value={filter.starred}
          onChange={(event) => onChange("starred", event.target.value)}
        >
          <option value="">{m.anyStar}</option>
          <option value="true">{m.onlyStarred}</option>
          <option value="false">{m.notStarred}</option>
        </select>
        {!choosing && canManage(project) && (
          <select
            className={look("deleted")}
            aria-label={m.shown}
            value={filter.deleted}
            onChange={(event) => onChange("deleted", event.target.value)}
          >
            <option value="">{m.present}</option>
            <option value="true">{m.deleted}</option>
          </select>
        )}
        <label>
          {t.from}
          <input
            type="date"
            className={look("from")}
            value={filter.from}
            onChange={(event) => onChange("from", event.target.value)}
          />
        </label>
        <label>
          {t.to}
          <input
            type="date"
            className={look("to")}
            value={filter.to}
            onChange={(event) => onChange("to", event.target.value)}
          />
        </label>
        <label>
          {t.confidence}
          <input
            type="range"
            min={0}
            max={95}
            step={5}
            value={filter.confidence || 0}
            onChange={(event) =>
              onChange("confidence", event.target.value === "0" ? "" : event.target.value)
            }
          />
          <output>{filter.confidence ? `${filter.confidence} %` : uiTexts.any}</output>
        </label>
        {!choosing && (
          <select
            className={look("order")}
            aria-label={t.sort}
            value={filter.order || "-captured_at"}
            onChange={(event) =>
              onChange("order", event.target.value === "captured_at" ? "captured_at" : "")
            }
          >
            <option value="-captured_at">{t.newest}</option>
            <option value="captured_at">{t.oldest}</option>
          </select>
        )}
        <Button
          small
          aria-expanded={byObservation}
          aria-controls={byObservation ? id : undefined}
          onClick={() => setByObservation(!byObservation)}
        >
          {observationFilterTexts.more}
        </Button>
        {filtered && (
          <Button small kind="quiet" onClick={onClear}>
            {t.clear}
          </Button>
        )}
        {byObservation && <ObservationFilters id={id} filter={filter} onChange={onChange} />}
      </div>
      <FilterChips filter={filter} onChange={onChange} />
    </>
  )
}
