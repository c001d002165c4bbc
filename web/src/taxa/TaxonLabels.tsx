/** What the labels of models mean: those that mean nothing yet first, each with the taxon that is called so. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { answer, api } from "../api/client"
import { askLabels, askUnmapped } from "./queries"
import { Button } from "../ui/Button"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { taxonWords as w } from "./en"
import { mayManage, useProject } from "../projects/project"
import { TaxonChoice } from "./TaxonChoice"

interface Meaning {
  label: string
  taxon: string | null
}

/** A label with how many images show it, where that was counted, and what it means or could mean. */
interface Row {
  label: string
  images?: number
  taxon?: string
  suggestion?: { id: string; name: string }
}

export function TaxonLabels() {
  const project = useProject()
  const client = useQueryClient()
  const { data: mapped, error, refetch } = useQuery(askLabels(project.id))
  const { data: unmapped } = useQuery(askUnmapped(project.id))
  const save = useMutation({
    mutationFn: (labels: Meaning[]) => answer(api.PUT("/api/v2/taxa/labels", { body: { project: project.id, labels } })),
    onSuccess: (told) => toast(w.mapped(told.changed)),
    onSettled: () => client.invalidateQueries({ queryKey: ["taxon", project.id] }),
  })
  const may = mayManage(project)
  // One answer may be older than the other.
  const known = new Set(mapped?.results.map((one) => one.label))
  const rows: Row[] = [
    ...(unmapped?.results ?? []).filter((one) => !known.has(one.label)).map((one) => ({
      label: one.label, images: one.images, suggestion: one.taxon_id && one.scientific_name ? { id: one.taxon_id, name: one.scientific_name } : undefined,
    })),
    ...(mapped?.results ?? []).map((one) => ({ label: one.label, taxon: one.scientific_name })),
  ]
  const suggested = rows.flatMap((row) => (row.suggestion ? [{ label: row.label, taxon: row.suggestion.id }] : []))
  return (
    <section className="section" aria-label={w.meanings}>
      <div className="keys-head">
        <div><h2>{w.meanings}</h2><p className="soft">{w.meaningsText}</p></div>
        {may && suggested.length > 0 && <Button busy={save.isPending} onClick={() => save.mutate(suggested)}>{w.takeAll(suggested.length)}</Button>}
      </div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!(mapped && unmapped) && !error && <SkeletonRows rows={3} />}
      {mapped && unmapped && (rows.length === 0 ? <p className="soft">{w.noLabels}</p> : (
        <div className="table-scroll">
          <table className="table keys-table" data-testid="labels">
            <thead><tr><th>{w.label}</th><th>{w.images}</th><th>{w.taxon}</th>{may && <th><span className="visually-hidden">{w.forget}</span></th>}</tr></thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.label} data-label-name={row.label}>
                  <td><b>{row.label}</b></td>
                  <td data-label={row.images === undefined ? undefined : w.images}>{row.images === undefined ? "" : words.count(row.images)}</td>
                  <td data-label={w.taxon}>
                    {may
                      ? <TaxonChoice label={w.means(row.label)} chosen={row.taxon ?? ""} onChoose={(taxon) => save.mutate([{ label: row.label, taxon: taxon.id }])} />
                      : <i>{row.taxon ?? w.meansNone}</i>}
                  </td>
                  {may && (
                    <td className="key-actions">
                      <span className="actions">
                        {row.suggestion && <Button small onClick={() => row.suggestion && save.mutate([{ label: row.label, taxon: row.suggestion.id }])}>{w.takeSuggestion(row.suggestion.name)}</Button>}
                        {row.taxon && <Button small kind="quiet" aria-label={w.forgetOne(row.label)} onClick={() => save.mutate([{ label: row.label, taxon: null }])}>{w.forget}</Button>}
                      </span>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ))}
    </section>
  )
}
