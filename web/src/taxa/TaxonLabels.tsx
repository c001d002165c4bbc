/**
 * The labels of models with their taxa. Unmapped labels come first, with the taxon of the same name
 * as a suggestion.
 */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import { ErrorMessage } from "../errors/ErrorMessage"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { formatCount } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { taxonTexts as t } from "./en"
import { taxonLabelsQuery, unmappedLabelsQuery } from "./queries"
import { TaxonSelect } from "./TaxonSelect"

interface LabelMapping {
  label: string
  taxon: string | null
}

/** A label, the number of images with it if known, and its taxon or a suggested one. */
interface LabelRow {
  label: string
  images?: number
  taxon?: string
  suggestion?: { id: string; name: string }
}

export function TaxonLabels() {
  const project = useProject()
  const client = useQueryClient()
  const { data: mapped, error, refetch } = useQuery(taxonLabelsQuery(project.id))
  const { data: unmapped } = useQuery(unmappedLabelsQuery(project.id))
  const save = useMutation({
    mutationFn: (labels: LabelMapping[]) =>
      unwrap(api.PUT("/api/v2/taxa/labels", { body: { project: project.id, labels } })),
    onSuccess: (told) => showToast(t.mapped(told.changed)),
    onSettled: () => client.invalidateQueries({ queryKey: ["taxon", project.id] }),
  })
  const may = canManage(project)
  // The two responses can be of different times.
  const known = new Set(mapped?.results.map((one) => one.label))
  const rows: LabelRow[] = [
    ...(unmapped?.results ?? [])
      .filter((one) => !known.has(one.label))
      .map((one) => ({
        label: one.label,
        images: one.images,
        suggestion:
          one.taxon_id && one.scientific_name
            ? { id: one.taxon_id, name: one.scientific_name }
            : undefined,
      })),
    ...(mapped?.results ?? []).map((one) => ({ label: one.label, taxon: one.scientific_name })),
  ]
  const suggested = rows.flatMap((row) =>
    row.suggestion ? [{ label: row.label, taxon: row.suggestion.id }] : [],
  )
  return (
    <section className="section" aria-label={t.meanings}>
      <div className="list-head">
        <div>
          <h2>{t.meanings}</h2>
          <p className="soft">{t.meaningsText}</p>
        </div>
        {may && suggested.length > 0 && (
          <Button busy={save.isPending} onClick={() => save.mutate(suggested)}>
            {t.acceptAll(suggested.length)}
          </Button>
        )}
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!(mapped && unmapped) && !error && <SkeletonRows rows={3} />}
      {mapped &&
        unmapped &&
        (rows.length === 0 ? (
          <p className="soft">{t.noLabels}</p>
        ) : (
          <div className="table-scroll">
            <table className="table stacked-table" data-testid="labels">
              <thead>
                <tr>
                  <th>{t.label}</th>
                  <th>{t.images}</th>
                  <th>{t.taxon}</th>
                  {may && (
                    <th>
                      <span className="visually-hidden">{t.removeTaxon}</span>
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.label}>
                    <td>
                      <b>{row.label}</b>
                    </td>
                    <td data-label={row.images === undefined ? undefined : t.images}>
                      {row.images === undefined ? "" : formatCount(row.images)}
                    </td>
                    <td data-label={t.taxon}>
                      {may ? (
                        <TaxonSelect
                          label={t.means(row.label)}
                          chosen={row.taxon ?? ""}
                          onChoose={(taxon) => save.mutate([{ label: row.label, taxon: taxon.id }])}
                        />
                      ) : (
                        <i>{row.taxon ?? t.meansNone}</i>
                      )}
                    </td>
                    {may && (
                      <td className="row-actions">
                        <span className="actions">
                          {row.suggestion && (
                            <Button
                              small
                              onClick={() =>
                                row.suggestion &&
                                save.mutate([{ label: row.label, taxon: row.suggestion.id }])
                              }
                            >
                              {t.acceptSuggestion(row.suggestion.name)}
                            </Button>
                          )}
                          {row.taxon && (
                            <Button
                              small
                              kind="quiet"
                              aria-label={t.removeTaxonOf(row.label)}
                              onClick={() => save.mutate([{ label: row.label, taxon: null }])}
                            >
                              {t.removeTaxon}
                            </Button>
                          )}
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
