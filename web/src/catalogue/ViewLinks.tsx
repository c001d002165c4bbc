/** The saved views of a project as links, and a button that saves, renames or deletes one. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { Bookmark, Pencil } from "lucide-react"
import { type FormEvent, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, generateIdempotencyKey, unwrap } from "../api/client"
import type { SavedView } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import type { ImageFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canReview, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { TextField } from "../ui/Field"
import { shortenMiddle } from "../ui/names"
import { viewTexts as t } from "./en"
import { isFiltered } from "./filterFields"
import { buildViewFilter, findCurrentView, getViewKey, parseView } from "./savedViews"

interface ViewsProps {
  views: SavedView[]
  filter: ImageFilter
}

/** Links to all images and to each view that the filters of the page can show. */
export function SavedViewLinks({ views, filter }: ViewsProps) {
  const project = useProject()
  const current = findCurrentView(views, filter)
  const shown = views.flatMap((view) => {
    const wanted = parseView(view)
    return wanted ? [{ view, wanted }] : []
  })
  if (shown.length === 0) return null
  return (
    <nav className="view-links" aria-label={t.title}>
      <Link
        className="view-link"
        href={paths.images(project.id)}
        aria-current={isFiltered(filter) ? undefined : "page"}
      >
        {t.all}
      </Link>
      {shown.map(({ view, wanted }) => (
        <Link
          key={view.id}
          className="view-link"
          href={withSearch(paths.images(project.id), { ...wanted })}
          aria-current={view === current ? "page" : undefined}
          title={view.created_by ? t.by(view.name, view.created_by) : view.name}
        >
          {shortenMiddle(view.name, 24)}
        </Link>
      ))}
    </nav>
  )
}

/** Saves the current filter under a name, or edits the view that is shown. */
export function SaveViewButton({ views, filter }: ViewsProps) {
  const project = useProject()
  const [open, setOpen] = useState(false)
  const current = findCurrentView(views, filter)
  if (!canReview(project) || !isFiltered(filter) || (current && !current.can_change)) return null
  return (
    <>
      <Button
        small
        kind="quiet"
        icon={current ? <Pencil size={14} aria-hidden /> : <Bookmark size={15} aria-hidden />}
        onClick={() => setOpen(true)}
      >
        {current ? t.edit : t.save}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={current ? t.edit : t.saveTitle}>
        <ViewForm
          key={getViewKey(filter)}
          view={current ?? null}
          filter={filter}
          onDone={() => setOpen(false)}
        />
      </Dialog>
    </>
  )
}

interface ViewFormProps {
  view: SavedView | null
  filter: ImageFilter
  onDone: () => void
}

function ViewForm({ view, filter, onDone }: ViewFormProps) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [name, setName] = useState(view?.name ?? "")
  const [key] = useState(generateIdempotencyKey)
  const settled = () => {
    onDone()
    return client.invalidateQueries({ queryKey: ["saved-view", project.id] })
  }
  const save = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      view
        ? unwrap(
            api.PATCH("/api/v2/saved-views/{view_id}", {
              params: { path: { view_id: view.id } },
              body: { name },
            }),
          )
        : unwrap(
            api.POST("/api/v2/saved-views", {
              body: { project: project.id, name, ...buildViewFilter(filter) },
              // A changed name is another request; the same one is stored once.
              headers: { "Idempotency-Key": `${key}-${name}`.slice(0, 200) },
            }),
          ),
    onSuccess: settled,
  })
  const remove = useMutation({
    meta: { saysItself: true },
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/api/v2/saved-views/{view_id}", { params: { path: { view_id: id } } })),
    onSuccess: () => {
      go(paths.images(project.id))
      return settled()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim()) save.mutate()
  }
  const error = save.error ?? remove.error
  return (
    <form className="form" onSubmit={submit}>
      <TextField
        label={t.name}
        hint={t.hint}
        value={name}
        maxLength={100}
        autoFocus
        onChange={(event) => setName(event.target.value)}
      />
      {error && <ErrorMessage error={error} />}
      <div className="dialog-actions">
        {view && (
          <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate(view.id)}>
            {t.remove}
          </Button>
        )}
        <Button kind="accent" type="submit" busy={save.isPending} disabled={!name.trim()}>
          {uiTexts.save}
        </Button>
      </div>
    </form>
  )
}
