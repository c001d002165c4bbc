/** The button that imports a list of taxa, and the result of the import. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { Upload } from "lucide-react"
import { useRef } from "react"
import { api, unwrap } from "../api/client"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { taxonTexts as t } from "./en"
import "../deployments/deployments.css"

export function TaxonImport() {
  const project = useProject()
  const client = useQueryClient()
  const input = useRef<HTMLInputElement>(null)
  const take = useMutation({
    meta: { saysItself: true },
    mutationFn: (file: File) =>
      unwrap(
        api.POST("/api/v2/taxa/import", {
          // openapi-typescript gives a binary request body the type string.
          params: { query: { project: project.id } },
          body: file as unknown as string,
          bodySerializer: (bytes: unknown) => bytes as Blob,
          headers: { "Content-Type": "application/octet-stream" },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ["taxon", project.id] }),
  })
  const told = take.data
  const close = () => take.reset()
  return (
    <>
      <Button
        kind="accent"
        icon={<Upload size={15} aria-hidden />}
        busy={take.isPending}
        onClick={() => input.current?.click()}
      >
        {t.import}
      </Button>
      <input
        ref={input}
        type="file"
        accept=".csv,.tsv,.txt,.zip,text/csv,text/tab-separated-values,application/zip"
        hidden
        aria-label={t.import}
        data-testid="taxa"
        onChange={(event) => {
          const [file] = event.target.files ?? []
          if (file) take.mutate(file)
          event.target.value = ""
        }}
      />
      <Dialog
        open={take.isError || take.isSuccess}
        onClose={close}
        title={take.isError ? t.notAList : t.imported}
      >
        {take.isError && <ErrorMessage error={take.error} />}
        {told && (
          <>
            <p>{t.counts(told.created, told.updated, told.unchanged, told.refused)}</p>
            {told.ignored_columns.length > 0 && (
              <p className="soft">{t.ignored(told.ignored_columns)}</p>
            )}
            {told.problems.length > 0 && (
              <>
                <h3>{t.problems}</h3>
                <ul className="csv-errors">
                  {told.problems.map((one) => (
                    <li key={`${one.where} ${one.message}`}>
                      <strong>{one.where}</strong>: {one.message}
                    </li>
                  ))}
                  {told.refused > told.problems.length && (
                    <li>{t.moreProblems(told.refused - told.problems.length)}</li>
                  )}
                </ul>
              </>
            )}
          </>
        )}
        <div className="dialog-actions">
          <Button onClick={close}>{uiTexts.close}</Button>
        </div>
      </Dialog>
    </>
  )
}
