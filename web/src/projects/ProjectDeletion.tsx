/** Archives a project, deletes it after its name was typed, and restores deleted ones. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import "./users.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { projectEndTexts } from "./en"
import { useProject } from "./projectContext"
import { deletedProjectsQuery, projectQuery, projectsQuery } from "./queries"

export function ProjectDeletion() {
  const project = useProject()
  const client = useQueryClient()
  const [deleting, setDeleting] = useState(false)
  const [archiving, setArchiving] = useState(false)
  const t = projectEndTexts
  const archived = project.archived_at !== null
  const archive = useMutation({
    mutationFn: () =>
      unwrap(
        api.PATCH("/api/v2/projects/{project_id}", {
          params: { path: { project_id: project.id } },
          body: { archived: !archived },
        }),
      ),
    onSuccess: (changed) => {
      setArchiving(false)
      client.setQueryData(projectQuery(project.id).queryKey, changed)
      showToast(archived ? t.unarchived : t.archived)
    },
  })
  return (
    <section className="section">
      <h2 style={{ marginBottom: 12 }}>{t.endTitle}</h2>
      <div className="form" style={{ maxWidth: 520 }}>
        <p className="soft">{t.archiveText}</p>
        <div className="actions">
          <Button onClick={() => setArchiving(true)}>{archived ? t.unarchive : t.archive}</Button>
        </div>
        <p className="soft">{t.deleteText}</p>
        <div className="actions">
          <Button kind="danger" onClick={() => setDeleting(true)}>
            {t.deleteGo}
          </Button>
        </div>
      </div>
      <Confirm
        open={archiving}
        onClose={() => setArchiving(false)}
        title={archived ? t.unarchive : t.archive}
        text={t.archiveText}
        go={archived ? t.unarchive : t.archive}
        busy={archive.isPending}
        onGo={() => archive.mutate()}
      />
      {deleting && <DeleteDialog onClose={() => setDeleting(false)} />}
    </section>
  )
}

function DeleteDialog({ onClose }: { onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [name, setName] = useState("")
  const t = projectEndTexts
  const remove = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.DELETE("/api/v2/projects/{project_id}", {
          params: { path: { project_id: project.id }, query: { name } },
        }),
      ),
    onSuccess: async () => {
      showToast(t.deleted(project.name))
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey, exact: true })
      await client.invalidateQueries({ queryKey: deletedProjectsQuery.queryKey })
      go(paths.home, { replace: true })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    remove.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={t.deleteTitle}>
      <form className="form" onSubmit={submit}>
        <p className="soft">{t.deleteText}</p>
        <TextField
          label={t.deleteName(project.name)}
          required
          autoFocus
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        {remove.error && <ErrorMessage error={remove.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{uiTexts.cancel}</Button>
          <Button
            type="submit"
            kind="danger"
            disabled={name !== project.name}
            busy={remove.isPending}
          >
            {t.deleteGo}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Deleted projects that can still be restored; empty if there are none. */
export function DeletedProjects() {
  const client = useQueryClient()
  const { data } = useQuery(deletedProjectsQuery)
  const t = projectEndTexts
  const restore = useMutation({
    mutationFn: (id: number) =>
      unwrap(
        api.POST("/api/v2/projects/{project_id}/restore", { params: { path: { project_id: id } } }),
      ),
    onSuccess: async (project) => {
      showToast(t.restored(project.name))
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey })
      await client.invalidateQueries({ queryKey: deletedProjectsQuery.queryKey })
    },
  })
  if (!data || data.results.length === 0) return null
  return (
    <section className="section" aria-label={t.deletedTitle}>
      <h2>{t.deletedTitle}</h2>
      <p className="soft">{t.deletedText}</p>
      <ul className="user-list">
        {data.results.map((project) => (
          <li key={project.id} className="user-row" data-deleted={project.name}>
            <div className="user-identity">
              <span className="user-name">{project.name}</span>
              <span className="soft small">{t.images(project.images)}</span>
            </div>
            <span className="person-role small soft">
              {t.deletedAfter} <Timestamp at={project.purge_after ?? null} short />
            </span>
            <span className="user-actions">
              <Button
                small
                busy={restore.isPending}
                aria-label={t.restoreOf(project.name)}
                onClick={() => restore.mutate(project.id)}
              >
                {t.restore}
              </Button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
