/** One review set: its progress by person, the agreement between people, and its control items. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronLeft } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import type { ReviewSet, ReviewSetProgress } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths, withSearch } from "../paths"
import { canManage, isOwner, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { formatCount, uiTexts } from "../ui/en"
import { TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { ControlItems } from "./ControlItems"
import { reviewSetTexts as t } from "./en"
import { PeopleField } from "./PeopleField"
import { disagreementsQuery, reviewSetQuery, setProgressQuery } from "./queries"
import { SetProgress } from "./ReviewSetsPage"
import "./reviewSets.css"

export function ReviewSetPage({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data, error, refetch } = useQuery(reviewSetQuery(project.id, id))
  const [dialog, setDialog] = useState<"edit" | "remove" | null>(null)
  const may = canManage(project)
  useEffect(() => {
    document.title = `${data?.name ?? t.title} · ${project.name}`
  }, [project.name, data?.name])
  const path = { project_id: project.id, set_id: id }
  const refresh = () => client.invalidateQueries({ queryKey: ["review-set", project.id] })
  const change = useMutation({
    mutationFn: (body: { name?: string; people?: string[]; closed?: boolean }) =>
      unwrap(
        api.PATCH("/api/v2/projects/{project_id}/review-sets/{set_id}", {
          params: { path },
          body,
        }),
      ),
    onSuccess: () => {
      showToast(t.changed)
      setDialog(null)
    },
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: () =>
      unwrap(
        api.DELETE("/api/v2/projects/{project_id}/review-sets/{set_id}", { params: { path } }),
      ),
    onSuccess: () => {
      showToast(t.removed)
      go(paths.reviewSets(project.id))
      client.removeQueries({ queryKey: ["review-set", project.id] })
    },
  })
  return (
    <div className="narrow">
      <Link href={paths.reviewSets(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {t.back}
      </Link>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={6} />}
      {data && (
        <>
          <div className="page-head">
            <h1>{data.name}</h1>
            {data.closed_at !== null && <span className="badge">{t.closed}</span>}
            <div className="actions">
              {may && (
                <>
                  <Button onClick={() => setDialog("edit")}>{t.edit}</Button>
                  <Button onClick={() => change.mutate({ closed: data.closed_at === null })}>
                    {data.closed_at === null ? t.close : t.reopen}
                  </Button>
                  <Button kind="quiet" onClick={() => setDialog("remove")}>
                    {t.remove}
                  </Button>
                </>
              )}
              {data.can_review && data.closed_at === null && data.open > 0 && (
                <LinkButton
                  kind="accent"
                  href={withSearch(paths.review(project.id), { set: data.id })}
                >
                  {t.review}
                </LinkButton>
              )}
            </div>
          </div>
          <SetProgress one={data} />
          <p className="soft">
            {t.reviewsEach(data.reviews)} ·{" "}
            {data.people.length === 0 ? t.everyone : data.people.map(({ name }) => name).join(", ")}
          </p>
          {may && <PeopleAndAgreement id={id} />}
          {may && <Disagreements id={id} />}
          {isOwner(project) && <ControlItems id={id} />}
          {dialog === "edit" && (
            <EditDialog
              one={data}
              isBusy={change.isPending}
              onSave={change.mutate}
              onClose={() => setDialog(null)}
            />
          )}
          <Confirm
            open={dialog === "remove"}
            onClose={() => setDialog(null)}
            busy={remove.isPending}
            onGo={() => remove.mutate()}
            title={t.removeAsk(data.name)}
            text={t.removeText}
            go={t.remove}
          />
        </>
      )}
    </div>
  )
}

interface EditDialogProps {
  one: ReviewSet
  isBusy: boolean
  onSave: (change: { name: string; people: string[] }) => void
  onClose: () => void
}

function EditDialog({ one, isBusy, onSave, onClose }: EditDialogProps) {
  const [name, setName] = useState(one.name)
  const [people, setPeople] = useState<readonly string[]>(one.people.map(({ user_id }) => user_id))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSave({ name: name.trim(), people: [...people] })
  }
  return (
    <Dialog open onClose={onClose} title={t.edit}>
      <form className="form" onSubmit={submit}>
        <TextField
          label={t.name}
          required
          maxLength={255}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <PeopleField chosen={people} onChange={setPeople} />
        <div className="dialog-actions">
          <Button onClick={onClose}>{uiTexts.cancel}</Button>
          <Button type="submit" kind="accent" busy={isBusy}>
            {t.save}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function PeopleAndAgreement({ id }: { id: string }) {
  const project = useProject()
  const { data, error, refetch } = useQuery(setProgressQuery(project.id, id))
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={3} />
  const showsControls = data.people.some(({ controls }) => controls)
  return (
    <>
      <section className="section" aria-label={t.byPerson}>
        <h2>{t.byPerson}</h2>
        {data.people.length === 0 ? (
          <p className="soft">{t.nobody}</p>
        ) : (
          <table className="table stacked-table set-table">
            <thead>
              <tr>
                <th>{t.person}</th>
                <th>{t.reviewed}</th>
                <th>{t.lastReview}</th>
                <th>{t.holds}</th>
                {showsControls && <th>{t.controlScore}</th>}
              </tr>
            </thead>
            <tbody>
              {data.people.map((one) => (
                <tr key={one.user_id} data-person={one.name}>
                  <td>{one.name}</td>
                  <td data-label={t.reviewed}>{formatCount(one.reviewed)}</td>
                  <td data-label={t.lastReview}>
                    {one.last_review_at ? (
                      <Timestamp at={one.last_review_at} short />
                    ) : (
                      uiTexts.never
                    )}
                  </td>
                  <td data-label={t.holds}>{formatCount(one.claimed)}</td>
                  {showsControls && (
                    <td data-label={t.controlScore}>
                      {one.controls ? t.scoreOf(one.controls_right ?? 0, one.controls) : "–"}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      <Agreement progress={data} />
    </>
  )
}

const formatShare = (share: number) => `${Math.round(100 * share)} %`
const formatKappa = (kappa: number | null) => (kappa === null ? "–" : kappa.toFixed(2))

function Agreement({ progress: { people, agreement } }: { progress: ReviewSetProgress }) {
  const names = new Map(people.map(({ user_id, name }) => [user_id, name]))
  return (
    <section className="section" aria-label={t.agreement}>
      <h2>{t.agreement}</h2>
      {agreement.pending > 0 && <p className="soft">{t.pending(agreement.pending)}</p>}
      {agreement.compared === 0 ? (
        <p className="soft">{t.agreementNone}</p>
      ) : (
        <>
          <p>
            {t.agreementText(agreement.unanimous, agreement.compared)}{" "}
            {agreement.kappa !== null && t.fleiss(formatKappa(agreement.kappa), agreement.rated)}
          </p>
          <table className="table stacked-table set-table">
            <thead>
              <tr>
                <th>{t.first}</th>
                <th>{t.second}</th>
                <th>{t.items}</th>
                <th>{t.equal}</th>
                <th>{t.kappa}</th>
              </tr>
            </thead>
            <tbody>
              {agreement.pairs.map((one) => (
                <tr key={`${one.first} ${one.second}`}>
                  <td>{names.get(one.first)}</td>
                  <td data-label={t.second}>{names.get(one.second)}</td>
                  <td data-label={t.items}>{formatCount(one.items)}</td>
                  <td data-label={t.equal}>{formatShare(one.share)}</td>
                  <td data-label={t.kappa}>{formatKappa(one.kappa)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="hint">{t.kappaHint}</p>
        </>
      )}
    </section>
  )
}

function Disagreements({ id }: { id: string }) {
  const project = useProject()
  const { data } = useQuery(disagreementsQuery(project.id, id))
  if (!data || data.results.length === 0) return null
  return (
    <section className="section" aria-label={t.disagreements}>
      <h2>{t.disagreements}</h2>
      <ul className="rows">
        {data.results.map((one) => (
          <li key={one.position}>
            <div className="row-head">
              <span className="set-answers">
                {one.answers.map(({ user_id, name, answer }) => (
                  <span key={user_id}>
                    <span className="soft">{name}:</span> {formatAnswer(answer)}
                  </span>
                ))}
              </span>
              <Link href={paths.image(project.id, one.image_id)}>{t.openImage}</Link>
            </div>
          </li>
        ))}
      </ul>
    </section>
  )
}

const formatAnswer = (answer: string[]) => answer.map((one) => t.answers[one] ?? one).join(", ")
