/**
 * Export and import of deployments as CSV. If a line has an error, all errors are listed and
 * nothing is changed.
 */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { Download, Upload } from "lucide-react"
import { useRef } from "react"
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import { ErrorMessage } from "../errors/ErrorMessage"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { showToast } from "../ui/Toasts"
import { csvTexts as t } from "./en"
import "./deployments.css"

export function DeploymentCsv() {
  const project = useProject()
  const client = useQueryClient()
  const input = useRef<HTMLInputElement>(null)
  const take = useMutation({
    meta: { saysItself: true },
    mutationFn: async (file: File) => {
      const body = await file.text()
      return unwrap(
        api.POST("/api/v2/deployments/csv", {
          params: { query: { project: project.id } },
          body,
          bodySerializer: (text: string) => text,
          headers: { "Content-Type": "text/csv" },
        }),
      )
    },
    onSuccess: (told) => showToast(t.taken(told.created, told.changed, told.unchanged)),
    onSettled: () => client.invalidateQueries({ queryKey: ["deployment", project.id] }),
  })
  const wrong = take.error instanceof ApiProblem ? (take.error.problem?.errors ?? []) : []
  return (
    <>
      <a
        className="button button-plain"
        href={`/api/v2/deployments/csv?project=${project.id}`}
        download
      >
        <Download size={15} aria-hidden />
        {t.save}
      </a>
      {canManage(project) && (
        <>
          <Button
            icon={<Upload size={15} aria-hidden />}
            busy={take.isPending}
            onClick={() => input.current?.click()}
          >
            {t.take}
          </Button>
          <input
            ref={input}
            type="file"
            accept=".csv,text/csv"
            hidden
            aria-label={t.take}
            data-testid="sheet"
            onChange={(event) => {
              const [file] = event.target.files ?? []
              if (file) take.mutate(file)
              event.target.value = ""
            }}
          />
        </>
      )}
      <Dialog open={take.isError} onClose={() => take.reset()} title={t.wrong}>
        {wrong.length === 0 ? (
          <ErrorMessage error={take.error} />
        ) : (
          <>
            <p>{take.error?.message}</p>
            <ul className="csv-errors">
              {wrong.map((one) => (
                <li key={`${one.where} ${one.message}`}>
                  <strong>{one.where}</strong>: {one.message}
                </li>
              ))}
            </ul>
          </>
        )}
      </Dialog>
    </>
  )
}
