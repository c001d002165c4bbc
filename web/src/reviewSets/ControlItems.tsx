/** The control items of a review set, with their known answers: for owners only. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { X } from "lucide-react"
import { type FormEvent, useState } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button, IconButton } from "../ui/Button"
import { TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { reviewSetTexts as t } from "./en"
import { controlsQuery } from "./queries"

const LAST_ID = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/?(?:[?#].*)?$/

export function ControlItems({ id }: { id: string }) {
  const project = useProject()
  const client = useQueryClient()
  const { data } = useQuery(controlsQuery(project.id, id))
  const [url, setUrl] = useState("")
  const [answer, setAnswer] = useState("")
  const [blank, setBlank] = useState(false)
  const image = LAST_ID.exec(url.trim())?.[1]
  const refresh = () => client.invalidateQueries({ queryKey: ["review-set", project.id] })
  const buildPath = (of: string) => ({ project_id: project.id, set_id: id, image_id: of })
  const add = useMutation({
    meta: { saysItself: true },
    mutationFn: (of: string) =>
      unwrap(
        api.PUT("/api/v2/projects/{project_id}/review-sets/{set_id}/controls/{image_id}", {
          params: { path: buildPath(of) },
          body: blank ? { blank } : { label: answer.trim(), blank },
        }),
      ),
    onSuccess: () => {
      showToast(t.controlAdded)
      setUrl("")
      setAnswer("")
      setBlank(false)
    },
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: (of: string) =>
      unwrap(
        api.DELETE("/api/v2/projects/{project_id}/review-sets/{set_id}/controls/{image_id}", {
          params: { path: buildPath(of) },
        }),
      ),
    onSuccess: () => showToast(t.controlRemoved),
    onSettled: refresh,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (image) add.mutate(image)
  }
  return (
    <section className="section" aria-label={t.controls}>
      <h2>{t.controls}</h2>
      <p className="soft">{t.controlsText}</p>
      {data?.results.length === 0 && <p className="soft">{t.controlsNone}</p>}
      <ul className="rows">
        {data?.results.map((one) => (
          <li key={one.position} data-control={one.answer}>
            <div className="row-head">
              <Link href={paths.image(project.id, one.image_id)}>
                {t.answers[one.answer] ?? one.answer}
              </Link>
              <span className="soft small">{t.controlRight(one.right, one.reviews)}</span>
              <IconButton
                label={t.removeControl(t.answers[one.answer] ?? one.answer)}
                onClick={() => remove.mutate(one.image_id)}
              >
                <X size={16} />
              </IconButton>
            </div>
          </li>
        ))}
      </ul>
      <form className="set-control-form" onSubmit={submit}>
        <TextField
          label={t.controlImage}
          hint={t.controlImageHint}
          error={url.trim() && !image ? t.notAnImage : undefined}
          required
          value={url}
          onChange={(event) => setUrl(event.target.value)}
        />
        <TextField
          label={t.controlAnswer}
          hint={t.controlAnswerHint}
          required={!blank}
          disabled={blank}
          maxLength={255}
          value={answer}
          onChange={(event) => setAnswer(event.target.value)}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={blank}
            onChange={(event) => setBlank(event.target.checked)}
          />{" "}
          {t.controlBlank}
        </label>
        {add.error && <ErrorMessage error={add.error} />}
        <div className="actions">
          <Button type="submit" busy={add.isPending}>
            {t.addControl}
          </Button>
        </div>
      </form>
    </section>
  )
}
