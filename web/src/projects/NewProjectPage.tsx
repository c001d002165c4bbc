import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import { callerQuery } from "../api/session"
import { SignInLayout } from "../brand/SignInLayout"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { projectTexts } from "./en"
import { DeletedProjects } from "./ProjectDeletion"
import { projectsQuery } from "./queries"

export function NewProjectPage() {
  const { data: projects } = useQuery(projectsQuery)
  const { data: caller } = useQuery(callerQuery)
  const [name, setName] = useState("")
  const [description, setDescription] = useState("")
  const [, go] = useLocation()
  const client = useQueryClient()
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(api.POST("/api/v2/projects", { body: { name: name.trim(), description } })),
    onSuccess: async (project) => {
      void client.invalidateQueries({ queryKey: callerQuery.queryKey })
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey })
      showToast(projectTexts.made(project.name))
      go(paths.overview(project.id))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const t = projectTexts
  const first = projects?.results.length === 0
  return (
    <SignInLayout>
      <h1>{first ? t.firstTitle : t.newTitle}</h1>
      <p className="soft">{t.intro}</p>
      {caller?.can_create_projects === false ? (
        <p className="note">{t.onlyOperators}</p>
      ) : (
        <form className="form" onSubmit={submit}>
          <TextField
            label={t.name}
            hint={t.nameHint}
            required
            maxLength={255}
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <TextField
            label={`${t.description} (${uiTexts.optional})`}
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
          {make.error && <ErrorMessage error={make.error} />}
          <Button type="submit" kind="accent" busy={make.isPending}>
            {t.go}
          </Button>
          {!first && (
            <LinkButton kind="quiet" href={paths.home}>
              {uiTexts.cancel}
            </LinkButton>
          )}
        </form>
      )}
      <DeletedProjects />
    </SignInLayout>
  )
}
