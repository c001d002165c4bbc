/** The form of a new review set: the filter of the image grid, the people and the reviews. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft } from "lucide-react"
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, generateIdempotencyKey, unwrap } from "../api/client"
import type { NewReviewSet } from "../api/types"
import { FilterBar } from "../catalogue/FilterBar"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatImages } from "../images/en"
import {
  buildImageParameters,
  type ImageFilter,
  imageCountQuery,
  NO_FILTER,
  parseFilter,
} from "../images/queries"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { formatEstimate } from "../ui/en"
import { SelectField, TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { useUrlQuery } from "../ui/urlQuery"
import { reviewSetTexts as t } from "./en"
import { PeopleField } from "./PeopleField"
import "./reviewSets.css"

const REVIEWS = [1, 2, 3, 4, 5]
type Unit = NonNullable<NewReviewSet["unit"]>
type Order = NonNullable<NewReviewSet["order"]>

export function NewReviewSetPage() {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [search, setSearch] = useUrlQuery()
  const filter = useMemo(() => parseFilter(search), [search])
  const { data: counted } = useQuery(imageCountQuery(project.id, filter))
  const [name, setName] = useState("")
  const [unit, setUnit] = useState<Unit>("sequence")
  const [reviews, setReviews] = useState(1)
  const [order, setOrder] = useState<Order>("-captured_at")
  const [people, setPeople] = useState<readonly string[]>([])
  const sent = useRef({ text: "", key: "" })
  const may = canManage(project)
  useEffect(() => {
    document.title = `${t.newSet} · ${project.name}`
  }, [project.name])
  const create = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const { project: _, order: __, ...query } = buildImageParameters(project.id, filter)
      const body = { name: name.trim(), unit, reviews, order, people: [...people] }
      // The same form after a lost response does not create a second set.
      const text = JSON.stringify([query, body])
      if (sent.current.text !== text) sent.current = { text, key: generateIdempotencyKey() }
      return unwrap(
        api.POST("/api/v2/projects/{project_id}/review-sets", {
          params: { path: { project_id: project.id }, query },
          body,
          headers: { "Idempotency-Key": sent.current.key },
        }),
      )
    },
    onSuccess: (made) => {
      showToast(t.created)
      go(paths.reviewSet(project.id, made.id))
      return client.invalidateQueries({ queryKey: ["review-set", project.id] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create.mutate()
  }
  const change = (changes: Partial<ImageFilter>) =>
    setSearch(
      (next) => {
        for (const [key, value] of Object.entries(changes))
          if (value) next.set(key, value)
          else next.delete(key)
      },
      { replace: true },
    )
  return (
    <div className="narrow">
      <Link href={paths.reviewSets(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.title}
      </Link>
      <div className="page-head">
        <h1>{t.newSet}</h1>
      </div>
      {!may && <p className="note">{t.onlyManagers}</p>}
      <form className="form" onSubmit={submit}>
        <section className="section" aria-label={t.images}>
          <h2>{t.images}</h2>
          <FilterBar choosing filter={filter} onChange={change} onClear={() => change(NO_FILTER)} />
          <p>
            {counted && (
              <b>{t.matching(formatEstimate(formatImages(counted.count), counted.isEstimate))}</b>
            )}
          </p>
          <p className="soft">{t.frozen}</p>
        </section>
        <TextField
          label={t.name}
          required
          maxLength={255}
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <SelectField
          label={t.unit}
          value={unit}
          onChange={(event) => setUnit(event.target.value as Unit)}
        >
          {Object.entries(t.unitOptions).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t.reviews}
          hint={t.reviewsHint}
          value={reviews}
          onChange={(event) => setReviews(Number(event.target.value))}
        >
          {REVIEWS.map((count) => (
            <option key={count}>{count}</option>
          ))}
        </SelectField>
        <SelectField
          label={t.order}
          value={order}
          onChange={(event) => setOrder(event.target.value as Order)}
        >
          {Object.entries(t.orders).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </SelectField>
        <PeopleField chosen={people} onChange={setPeople} />
        {create.error && <ErrorMessage error={create.error} />}
        <div className="actions">
          <Button type="submit" kind="accent" busy={create.isPending} disabled={!may}>
            {t.create}
          </Button>
        </div>
      </form>
    </div>
  )
}
