/** The taxa of a project with all names, the import of lists, and the mapping of model labels. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import type { SensitiveTaxon, Taxon } from "../api/types"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { EditRemoveCell } from "../ui/EditRemoveCell"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { MoreButton } from "../ui/MoreButton"
import { useUrlQuery } from "../ui/urlQuery"
import { sensitiveTaxaQuery, taxaQuery } from "./queries"
import { findSensitiveTaxon } from "./sensitiveLevels"
import { TaxonForm } from "./TaxonForm"
import { TaxonImport } from "./TaxonImport"
import { TaxonLabels } from "./TaxonLabels"
import "./taxa.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { settingsTexts } from "../projects/en"
import { formatEstimate } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { taxonTexts as t } from "./en"

/** The open dialog: the form, or the confirmation before a taxon is deleted. */
type OpenTaxon = { what: "add" } | { what: "edit" | "remove"; taxon: Taxon }

export function TaxaPage() {
  const project = useProject()
  const client = useQueryClient()
  const [open, setOpen] = useState<OpenTaxon | null>(null)
  const close = () => setOpen(null)
  const [search, setSearch] = useUrlQuery()
  const asked = search.get("search") ?? ""
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    taxaQuery(project.id, asked),
  )
  const first = data?.pages[0]
  const taxa = data?.pages.flatMap((page) => page.results) ?? []
  const may = canManage(project)
  const look = (text: string) =>
    setSearch((next) => (text ? next.set("search", text) : next.delete("search")), {
      replace: true,
    })
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const remove = useMutation({
    mutationFn: (taxon: Taxon) =>
      unwrap(api.DELETE("/api/v2/taxa/{taxon_id}", { params: { path: { taxon_id: taxon.id } } })),
    onSuccess: (_, taxon) => showToast(t.removed(taxon.scientific_name)),
    onSettled: () => {
      close()
      return client.invalidateQueries({ queryKey: ["taxon", project.id] })
    },
  })
  const add = may && (
    <Button icon={<Plus size={15} aria-hidden />} onClick={() => setOpen({ what: "add" })}>
      {t.add}
    </Button>
  )
  const isEmpty = first?.count === 0 && !asked
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
        {first && (
          <span className="count">
            {formatEstimate(t.taxa(first.count), first.count_is_estimate)}
          </span>
        )}
      </div>
      <SettingsTabs part="taxa" />
      <section aria-label={t.title}>
        {error && <ErrorMessage error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows />}
        {data && (
          <>
            <div className="list-head">
              <p className="soft">
                {t.text} {!may && t.onlyManagers}
              </p>
              {may && (
                <span className="actions">
                  {!isEmpty && add}
                  <TaxonImport />
                </span>
              )}
            </div>
            {!isEmpty && (
              <input
                className="input taxon-search"
                type="search"
                aria-label={t.search}
                placeholder={t.search}
                value={asked}
                onChange={(event) => look(event.target.value)}
              />
            )}
            {isEmpty && (
              <EmptyState title={t.noneTitle} text={t.none}>
                {add}
              </EmptyState>
            )}
            {taxa.length > 0 ? (
              <TaxonTable taxa={taxa} onOpen={may ? setOpen : undefined} />
            ) : (
              !isEmpty && (
                <EmptyState title={t.noMatchTitle} text={t.noMatch}>
                  <Button onClick={() => look("")}>{t.clear}</Button>
                </EmptyState>
              )
            )}
            <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
          </>
        )}
      </section>
      <TaxonLabels />
      {open?.what === "add" && <TaxonForm onClose={close} />}
      {open?.what === "edit" && <TaxonForm id={open.taxon.id} onClose={close} />}
      {open?.what === "remove" && (
        <Confirm
          open
          onClose={close}
          title={t.removeAsk(open.taxon.scientific_name)}
          text={t.removeText}
          go={t.removeGo}
          busy={remove.isPending}
          onGo={() => remove.mutate(open.taxon)}
        />
      )}
    </div>
  )
}

function TaxonTable({ taxa, onOpen }: { taxa: Taxon[]; onOpen?: (open: OpenTaxon) => void }) {
  const project = useProject()
  const { data: sensitive } = useQuery(sensitiveTaxaQuery(project.id))
  return (
    <div className="table-scroll">
      <table className="table stacked-table" data-testid="taxon-list">
        <thead>
          <tr>
            <th>{t.name}</th>
            <th>{t.common}</th>
            <th>{t.rank}</th>
            <th>{t.labels}</th>
            {onOpen && (
              <th>
                <span className="visually-hidden">{t.actions}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {taxa.map((taxon) => (
            <tr key={taxon.id} data-taxon={taxon.scientific_name}>
              <td>
                <b>
                  <i>{taxon.scientific_name}</i>
                </b>{" "}
                <span className="soft">{taxon.authorship}</span>
                <SensitiveMark taxon={taxon} listed={sensitive?.results ?? []} />
                {taxon.accepted_name && (
                  <div className="small soft">{t.synonymOf(taxon.accepted_name)}</div>
                )}
                {taxon.synonyms.length > 0 && (
                  <div className="small soft">{t.synonyms(taxon.synonyms)}</div>
                )}
              </td>
              <td data-label={Object.keys(taxon.common_names).length > 0 ? t.common : undefined}>
                {Object.entries(taxon.common_names).map(([language, names]) => (
                  <div key={language} className="small">
                    <span className="faint">{language}</span>{" "}
                    <span lang={language}>{names.join(", ")}</span>
                  </div>
                ))}
              </td>
              <td data-label={taxon.rank ? t.rank : undefined}>
                {t.ranks[taxon.rank ?? ""] ?? taxon.rank}
              </td>
              <td data-label={taxon.labels.length > 0 ? t.labels : undefined}>
                {taxon.labels.join(", ")}
              </td>
              {onOpen && (
                <EditRemoveCell
                  edit={t.editOne(taxon.scientific_name)}
                  remove={t.removeOne(taxon.scientific_name)}
                  onOpen={(what) => onOpen({ what, taxon })}
                />
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function SensitiveMark({ taxon, listed }: { taxon: Taxon; listed: readonly SensitiveTaxon[] }) {
  const project = useProject()
  const found = findSensitiveTaxon(taxon, listed)
  if (!found) return null
  return (
    <Link className="badge" href={paths.sensitiveTaxa(project.id)} title={t.sensitiveHint}>
      {found.taxon_id === taxon.id ? t.sensitive : t.sensitiveBy(found.scientific_name)}
    </Link>
  )
}
