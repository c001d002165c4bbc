/** Make a project. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askCaller, askProjects } from "../api/queries"
import { Door } from "../brand/Door"
import { DeletedProjects } from "./EndOfProject"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"

export function NewProjectPage() {
  const { data: projects } = useQuery(askProjects)
  const { data: caller } = useQuery(askCaller)
  const [name, setName] = useState("")
  const [description, setDescription] = useState("")
  const [, go] = useLocation()
  const client = useQueryClient()
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.POST("/api/v2/projects", { body: { name: name.trim(), description } })),
    onSuccess: async (project) => {
      void client.invalidateQueries({ queryKey: askCaller.queryKey })
      await client.invalidateQueries({ queryKey: askProjects.queryKey })
      toast(words.project.made(project.name))
      go(paths.overview(project.id))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const w = words.project
  const first = projects?.results.length === 0
  return (
    <Door>
      <h1>{first ? w.firstTitle : w.newTitle}</h1>
      <p className="soft">{w.intro}</p>
      {caller?.can_create_projects === false ? <p className="note">{w.onlyOperators}</p> : <form className="form" onSubmit={submit}>
        <TextField label={w.name} hint={w.nameHint} required maxLength={255} autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        <TextField label={`${w.description} (${words.common.optional})`} value={description} onChange={(event) => setDescription(event.target.value)} />
        {make.error && <Trouble error={make.error} />}
        <Button type="submit" kind="accent" busy={make.isPending}>{w.go}</Button>
        {!first && <LinkButton kind="quiet" href={paths.home}>{words.common.cancel}</LinkButton>}
      </form>}
      <DeletedProjects />
    </Door>
  )
}
