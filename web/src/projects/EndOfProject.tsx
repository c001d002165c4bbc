/** Archives a project, deletes it by its name, and restores deleted ones. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askDeletedProjects, askProject, askProjects } from "../api/queries"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import "../accounts/people.css"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { peopleWords } from "../accounts/en"
import { useProject } from "./project"

export function EndOfProject() {
  const project = useProject()
  const client = useQueryClient()
  const [deleting, setDeleting] = useState(false)
  const [archiving, setArchiving] = useState(false)
  const w = peopleWords
  const archived = project.archived_at !== null
  const archive = useMutation({
    mutationFn: () => answer(api.PATCH("/api/v2/projects/{project_id}", { params: { path: { project_id: project.id } }, body: { archived: !archived } })),
    onSuccess: (changed) => {
      setArchiving(false)
      client.setQueryData(askProject(project.id).queryKey, changed)
      toast(archived ? w.unarchived : w.archived)
    },
  })
  return (
    <section className="section">
      <h2 style={{ marginBottom: 12 }}>{w.endTitle}</h2>
      <div className="form" style={{ maxWidth: 520 }}>
        <p className="soft">{w.archiveText}</p>
        <div className="actions"><Button onClick={() => setArchiving(true)}>{archived ? w.unarchive : w.archive}</Button></div>
        <p className="soft">{w.deleteText}</p>
        <div className="actions"><Button kind="danger" onClick={() => setDeleting(true)}>{w.deleteGo}</Button></div>
      </div>
      <Confirm
        open={archiving} onClose={() => setArchiving(false)} title={archived ? w.unarchive : w.archive} text={w.archiveText}
        go={archived ? w.unarchive : w.archive} busy={archive.isPending} onGo={() => archive.mutate()}
      />
      {deleting && <Delete onClose={() => setDeleting(false)} />}
    </section>
  )
}

function Delete({ onClose }: { onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [name, setName] = useState("")
  const w = peopleWords
  const remove = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.DELETE("/api/v2/projects/{project_id}", { params: { path: { project_id: project.id }, query: { name } } })),
    onSuccess: async () => {
      toast(w.deleted(project.name))
      await client.invalidateQueries({ queryKey: askProjects.queryKey, exact: true })
      await client.invalidateQueries({ queryKey: askDeletedProjects.queryKey })
      go(paths.home, { replace: true })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    remove.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={w.deleteTitle}>
      <form className="form" onSubmit={submit}>
        <p className="soft">{w.deleteText}</p>
        <TextField label={w.deleteName(project.name)} required autoFocus autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        {remove.error && <Trouble error={remove.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{words.common.cancel}</Button>
          <Button type="submit" kind="danger" disabled={name !== project.name} busy={remove.isPending}>{w.deleteGo}</Button>
        </div>
      </form>
    </Dialog>
  )
}

/** What can still be restored; nothing where that is nothing. */
export function DeletedProjects() {
  const client = useQueryClient()
  const { data } = useQuery(askDeletedProjects)
  const w = peopleWords
  const restore = useMutation({
    mutationFn: (id: number) => answer(api.POST("/api/v2/projects/{project_id}/restore", { params: { path: { project_id: id } } })),
    onSuccess: async (project) => {
      toast(w.restored(project.name))
      await client.invalidateQueries({ queryKey: askProjects.queryKey })
      await client.invalidateQueries({ queryKey: askDeletedProjects.queryKey })
    },
  })
  if (!data || data.results.length === 0) return null
  return (
    <section className="section" aria-label={w.deletedTitle}>
      <h2>{w.deletedTitle}</h2>
      <p className="soft">{w.deletedText}</p>
      <ul className="persons">
        {data.results.map((project) => (
          <li key={project.id} className="person" data-deleted={project.name}>
            <div className="person-who">
              <span className="person-name">{project.name}</span>
              <span className="soft small">{words.images(project.images)}</span>
            </div>
            <span className="person-role small soft">{w.goneAfter} <When at={project.gone_after ?? null} short /></span>
            <span className="person-acts"><Button small busy={restore.isPending} aria-label={w.restoreOf(project.name)} onClick={() => restore.mutate(project.id)}>{w.restore}</Button></span>
          </li>
        ))}
      </ul>
    </section>
  )
}
