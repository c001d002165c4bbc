/**
 * Folders of the server that operators grant to projects, and sources whose folder is not granted.
 */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { api, unwrap } from "../api/client"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { projectsQuery } from "../projects/queries"
import { Button } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { SelectField, TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { sourceFolderTexts as t } from "./en"

const KEY = ["source folder"]

export function SourceFolders() {
  const client = useQueryClient()
  const own = useProject()
  const { data: projects } = useQuery(projectsQuery)
  const { data: granted, error } = useQuery({
    queryKey: [...KEY, "granted"],
    queryFn: () => unwrap(api.GET("/api/v2/source-folders", { params: { query: { limit: 200 } } })),
  })
  const { data: missing } = useQuery({
    queryKey: [...KEY, "missing"],
    queryFn: () => unwrap(api.GET("/api/v2/source-folders/missing")),
  })
  const [path, setPath] = useState("")
  const [project, setProject] = useState(String(own.id))
  const [leaving, setLeaving] = useState<{ id: string; path: string } | null>(null)
  const refresh = () => client.invalidateQueries({ queryKey: KEY })
  const grant = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.POST("/api/v2/source-folders", {
          body: { project: Number(project), path: path.trim() },
        }),
      ),
    onSuccess: (folder) => {
      showToast(t.granted(folder.path))
      setPath("")
    },
    onSettled: refresh,
  })
  const revoke = useMutation({
    mutationFn: (id: string) =>
      unwrap(
        api.DELETE("/api/v2/source-folders/{folder_id}", { params: { path: { folder_id: id } } }),
      ),
    onSuccess: () => showToast(t.revoked),
    onSettled: () => {
      setLeaving(null)
      return refresh()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    grant.mutate()
  }
  const others = (missing ?? []).filter(
    (source) => !projects?.results.some((one) => one.id === source.project_id),
  )
  const names = new Map([
    ...(projects?.results ?? []).map((one) => [one.id, one.name] as const),
    ...others.map((one) => [one.project_id, one.project_name] as const),
  ])
  return (
    <section aria-label={t.title}>
      <h2>{t.title}</h2>
      <p className="soft">{t.text}</p>
      {error && <ErrorMessage error={error} />}
      {granted?.results.length === 0 && <p className="soft">{t.none}</p>}
      <ul className="user-list">
        {granted?.results.map((folder) => (
          <li key={folder.id} className="user-row">
            <div className="user-identity">
              <code>{folder.path}</code>
              <span className="soft small">{folder.project_name}</span>
            </div>
            <span className="user-actions">
              <Button
                kind="quiet"
                aria-label={t.revokeOf(folder.path)}
                onClick={() => setLeaving(folder)}
              >
                {t.revoke}
              </Button>
            </span>
          </li>
        ))}
      </ul>
      {missing && missing.length > 0 && (
        <section aria-label={t.missing}>
          <h3>{t.missing}</h3>
          <p className="soft">{t.missingText}</p>
          <ul className="user-list">
            {missing.map((source) => (
              <li key={source.source_id} className="user-row">
                <div className="user-identity">
                  <span>{source.name}</span>
                  <span className="soft small">
                    {source.project_name}: <code>{source.base_url}</code>
                  </span>
                </div>
              </li>
            ))}
          </ul>
        </section>
      )}
      <form className="form" onSubmit={submit}>
        <TextField
          label={t.path}
          hint={t.pathHint}
          required
          maxLength={1000}
          value={path}
          onChange={(event) => setPath(event.target.value)}
        />
        <SelectField
          label={t.project}
          value={project}
          onChange={(event) => setProject(event.target.value)}
        >
          {[...names].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        {grant.error && <ErrorMessage error={grant.error} />}
        <Button type="submit" busy={grant.isPending}>
          {t.grant}
        </Button>
      </form>
      <Confirm
        open={leaving !== null}
        onClose={() => setLeaving(null)}
        title={t.revokeAsk(leaving?.path ?? "")}
        text={t.revokeText}
        go={t.revoke}
        busy={revoke.isPending}
        onGo={() => leaving && revoke.mutate(leaving.id)}
      />
    </section>
  )
}
