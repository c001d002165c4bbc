/** The button that takes a list of taxa in, and what became of its lines. */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { Upload } from "lucide-react"
import { useRef } from "react"
import { answer, api } from "../api/client"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { Trouble } from "../ui/Notice"
import { words } from "../en"
import { taxonWords as w } from "./en"
import { useProject } from "../projects/project"

export function TaxonImport() {
  const project = useProject()
  const client = useQueryClient()
  const input = useRef<HTMLInputElement>(null)
  const take = useMutation({
    meta: { saysItself: true },
    mutationFn: (file: File) =>
      answer(api.POST("/api/v2/taxa/import", {
        // The form of a body of bytes is told as text.
        params: { query: { project: project.id } }, body: file as unknown as string, bodySerializer: (bytes: unknown) => bytes as Blob,
        headers: { "Content-Type": "application/octet-stream" },
      })),
    onSettled: () => client.invalidateQueries({ queryKey: ["taxon", project.id] }),
  })
  const told = take.data
  const close = () => take.reset()
  return (
    <>
      <Button kind="accent" icon={<Upload size={15} aria-hidden />} busy={take.isPending} onClick={() => input.current?.click()}>{w.take}</Button>
      <input
        ref={input} type="file" accept=".csv,.tsv,.txt,.zip,text/csv,text/tab-separated-values,application/zip" hidden aria-label={w.take} data-testid="taxa"
        onChange={(event) => {
          const [file] = event.target.files ?? []
          if (file) take.mutate(file)
          event.target.value = ""
        }}
      />
      <Dialog open={take.isError || take.isSuccess} onClose={close} title={take.isError ? w.wrong : w.taken}>
        {take.isError && <Trouble error={take.error} />}
        {told && (
          <>
            <p>{w.counts(told.created, told.updated, told.unchanged, told.refused)}</p>
            {told.ignored_columns.length > 0 && <p className="soft">{w.ignored(told.ignored_columns)}</p>}
            {told.problems.length > 0 && (
              <>
                <h3>{w.problems}</h3>
                <ul className="sheet-errors">
                  {told.problems.map((one) => <li key={`${one.where} ${one.message}`}><strong>{one.where}</strong>: {one.message}</li>)}
                  {told.refused > told.problems.length && <li>{w.moreProblems(told.refused - told.problems.length)}</li>}
                </ul>
              </>
            )}
          </>
        )}
        <div className="dialog-actions"><Button onClick={close}>{words.common.close}</Button></div>
      </Dialog>
    </>
  )
}
