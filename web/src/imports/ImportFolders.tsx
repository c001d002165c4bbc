/**
 * Folders of an imported file whose entries match no image. The user assigns each to a deployment
 * once.
 */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Import } from "../api/types"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { SelectField } from "../ui/Field"
import { importFolderTexts as t } from "./en"
import { importFoldersQuery } from "./queries"

export function ImportFolders({ one }: { one: Import }) {
  const project = useProject()
  const client = useQueryClient()
  const { data, error } = useQuery(importFoldersQuery(project.id, one.id, one.updated_at))
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const [chosen, setChosen] = useState<Record<string, string>>({})
  const assign = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const folders = Object.fromEntries(
        Object.entries(chosen).filter(([, deployment]) => deployment),
      )
      return unwrap(
        api.POST("/api/v2/imports/{import_id}/folders", {
          params: { path: { import_id: one.id } },
          body: { folders },
        }),
      )
    },
    onSuccess: () => {
      setChosen({})
      return client.invalidateQueries({ queryKey: ["import", project.id] })
    },
  })
  if (error) return <ErrorMessage error={error} />
  if (!data || data.folders.length === 0) return null
  const may = canManage(project) && data.can_assign
  const submit = (event: FormEvent) => {
    event.preventDefault()
    assign.mutate()
  }
  return (
    <section className="section" aria-label={t.title} data-testid="import-folders">
      <h2>{t.title}</h2>
      <p className="soft">{may ? t.text : t.tooLate}</p>
      {!data.is_complete && <p className="soft">{t.cut}</p>}
      {!data.all_compared && <p className="soft">{t.notCompared}</p>}
      <form className="form" onSubmit={submit}>
        {data.folders.map(({ folder, entries, nearest }) => {
          const near = new Set(nearest.map((deployment) => deployment.id))
          const others = deployments?.results.filter((deployment) => !near.has(deployment.id)) ?? []
          return (
            <SelectField
              key={folder}
              label={folder}
              hint={t.entries(entries)}
              disabled={!may}
              value={chosen[folder] ?? ""}
              onChange={(event) => setChosen((old) => ({ ...old, [folder]: event.target.value }))}
            >
              <option value="">{t.none}</option>
              {nearest.length > 0 && (
                <optgroup label={t.nearest}>
                  {nearest.map((near) => (
                    <option key={near.id} value={near.id}>
                      {near.name}
                    </option>
                  ))}
                </optgroup>
              )}
              <optgroup label={t.others}>
                {others.map((other) => (
                  <option key={other.id} value={other.id}>
                    {other.name}
                  </option>
                ))}
              </optgroup>
            </SelectField>
          )
        })}
        {assign.error && <ErrorMessage error={assign.error} />}
        {may && (
          <div className="actions">
            <Button
              type="submit"
              kind="accent"
              busy={assign.isPending}
              disabled={!Object.values(chosen).some(Boolean)}
            >
              {t.go}
            </Button>
          </div>
        )}
      </form>
    </section>
  )
}
