/** Folders of an imported file whose entries match no image: each is assigned to a deployment once. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { answer, api } from "../api/client"
import { askFolders } from "./queries"
import { askDeployments } from "../api/queries"
import type { Import } from "../api/types"
import { Button } from "../ui/Button"
import { SelectField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { importFolderWords as w } from "./en.folders"
import { mayManage, useProject } from "../projects/project"

export function ImportFolders({ one }: { one: Import }) {
  const project = useProject()
  const client = useQueryClient()
  const { data, error } = useQuery(askFolders(project.id, one.id, one.updated_at))
  const { data: deployments } = useQuery(askDeployments(project.id))
  const [chosen, setChosen] = useState<Record<string, string>>({})
  const assign = useMutation({
    meta: { saysItself: true },
    mutationFn: () => {
      const folders = Object.fromEntries(Object.entries(chosen).filter(([, deployment]) => deployment))
      return answer(api.POST("/api/v2/imports/{import_id}/folders", { params: { path: { import_id: one.id } }, body: { folders } }))
    },
    onSuccess: () => {
      setChosen({})
      return client.invalidateQueries({ queryKey: ["import", project.id] })
    },
  })
  if (error) return <Trouble error={error} />
  if (!data || data.folders.length === 0) return null
  const may = mayManage(project) && data.can_assign
  const submit = (event: FormEvent) => {
    event.preventDefault()
    assign.mutate()
  }
  return (
    <section className="section" aria-label={w.title} data-testid="import-folders">
      <h2>{w.title}</h2>
      <p className="soft">{may ? w.text : w.tooLate}</p>
      {!data.is_complete && <p className="soft">{w.cut}</p>}
      {!data.all_compared && <p className="soft">{w.notCompared}</p>}
      <form className="form" onSubmit={submit}>
        {data.folders.map(({ folder, entries, nearest }) => {
          const near = new Set(nearest.map((deployment) => deployment.id))
          const others = deployments?.results.filter((deployment) => !near.has(deployment.id)) ?? []
          return (
            <SelectField
              key={folder} label={folder} hint={w.entries(entries)} disabled={!may} value={chosen[folder] ?? ""}
              onChange={(event) => setChosen((old) => ({ ...old, [folder]: event.target.value }))}
            >
              <option value="">{w.none}</option>
              {nearest.length > 0 && <optgroup label={w.nearest}>{nearest.map((near) => <option key={near.id} value={near.id}>{near.name}</option>)}</optgroup>}
              <optgroup label={w.others}>{others.map((other) => <option key={other.id} value={other.id}>{other.name}</option>)}</optgroup>
            </SelectField>
          )
        })}
        {assign.error && <Trouble error={assign.error} />}
        {may && (
          <div className="actions">
            <Button type="submit" kind="accent" busy={assign.isPending} disabled={!Object.values(chosen).some(Boolean)}>{w.go}</Button>
          </div>
        )}
      </form>
    </section>
  )
}
