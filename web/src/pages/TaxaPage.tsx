/** The taxa of a project: the list with all names, lists that are taken in, and what the labels of models mean. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { useEffect } from "react"
import { askTaxa } from "../api/taxonQueries"
import type { Taxon } from "../api/types"
import { mayManage, useProject } from "../components/project"
import { useSearch } from "../components/search"
import { SettingsTabs } from "../components/SettingsTabs"
import { TaxonImport } from "../components/TaxonImport"
import { TaxonLabels } from "../components/TaxonLabels"
import { Button } from "../ui/Button"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "../ui/runs.css"
import { words } from "../words/en"
import { taxonWords as w } from "../words/en.taxa"

export function TaxaPage() {
  const project = useProject()
  const [search, setSearch] = useSearch()
  const asked = search.get("search") ?? ""
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askTaxa(project.id, asked))
  const first = data?.pages[0]
  const taxa = data?.pages.flatMap((page) => page.results) ?? []
  const may = mayManage(project)
  const look = (text: string) => setSearch((next) => (text ? next.set("search", text) : next.delete("search")), { replace: true })
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [project.name])
  const isEmpty = first?.count === 0 && !asked
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{words.settings.title}</h1>
        {first && <span className="count">{words.about(w.taxa(first.count), first.count_is_estimate)}</span>}
      </div>
      <SettingsTabs part="taxa" />
      <section aria-label={w.title}>
        {error && <Trouble error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows />}
        {data && (
          <>
            <div className="keys-head"><p className="soft">{w.text} {!may && w.onlyManagers}</p>{may && <TaxonImport />}</div>
            {!isEmpty && <input className="input taxon-search" type="search" aria-label={w.search} placeholder={w.search} value={asked} onChange={(event) => look(event.target.value)} />}
            {isEmpty && <Empty title={w.noneTitle} text={w.none} />}
            {taxa.length > 0 ? <Table taxa={taxa} /> : !isEmpty && <Empty title={w.noMatchTitle} text={w.noMatch}><Button onClick={() => look("")}>{w.clear}</Button></Empty>}
            {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
          </>
        )}
      </section>
      <TaxonLabels />
    </div>
  )
}

function Table({ taxa }: { taxa: Taxon[] }) {
  return (
    <div className="table-scroll">
      <table className="table keys-table" data-testid="taxon-list">
        <thead><tr><th>{w.name}</th><th>{w.common}</th><th>{w.rank}</th><th>{w.labels}</th></tr></thead>
        <tbody>
          {taxa.map((taxon) => (
            <tr key={taxon.id} data-taxon={taxon.scientific_name}>
              <td>
                <b><i>{taxon.scientific_name}</i></b> <span className="soft">{taxon.authorship}</span>
                {taxon.accepted_name && <div className="small soft">{w.synonymOf(taxon.accepted_name)}</div>}
                {taxon.synonyms.length > 0 && <div className="small soft">{w.synonyms(taxon.synonyms)}</div>}
              </td>
              <td data-label={Object.keys(taxon.common_names).length > 0 ? w.common : undefined}>
                {Object.entries(taxon.common_names).map(([language, names]) => <div key={language} className="small"><span className="faint">{language}</span> <span lang={language}>{names.join(", ")}</span></div>)}
              </td>
              <td data-label={taxon.rank ? w.rank : undefined}>{taxon.rank}</td>
              <td data-label={taxon.labels.length > 0 ? w.labels : undefined}>{taxon.labels.join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
