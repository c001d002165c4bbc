/** The taxa of a project: the list with all names, lists that are taken in, and what the labels of models mean. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askTaxa } from "./queries"
import type { Taxon } from "../api/types"
import { mayManage, useProject } from "../projects/project"
import { useSearch } from "../ui/search"
import { SettingsTabs } from "../projects/SettingsTabs"
import { TaxonForm } from "./TaxonForm"
import { TaxonImport } from "./TaxonImport"
import { TaxonLabels } from "./TaxonLabels"
import { Button } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "../queue/runs.css"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { taxonWords as w } from "./en"

/** What is open over the list: a form, or the question before a taxon goes. */
type Opened = { what: "add" } | { what: "edit" | "remove"; taxon: Taxon }

export function TaxaPage() {
  const project = useProject()
  const client = useQueryClient()
  const [open, setOpen] = useState<Opened | null>(null)
  const close = () => setOpen(null)
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
  const remove = useMutation({
    mutationFn: (taxon: Taxon) => answer(api.DELETE("/api/v2/taxa/{taxon_id}", { params: { path: { taxon_id: taxon.id } } })),
    onSuccess: (_, taxon) => toast(w.removed(taxon.scientific_name)),
    onSettled: () => {
      close()
      return client.invalidateQueries({ queryKey: ["taxon", project.id] })
    },
  })
  const add = may && <Button icon={<Plus size={15} aria-hidden />} onClick={() => setOpen({ what: "add" })}>{w.add}</Button>
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
            <div className="keys-head"><p className="soft">{w.text} {!may && w.onlyManagers}</p>{may && <span className="actions">{!isEmpty && add}<TaxonImport /></span>}</div>
            {!isEmpty && <input className="input taxon-search" type="search" aria-label={w.search} placeholder={w.search} value={asked} onChange={(event) => look(event.target.value)} />}
            {isEmpty && <Empty title={w.noneTitle} text={w.none}>{add}</Empty>}
            {taxa.length > 0 ? <Table taxa={taxa} onOpen={may ? setOpen : undefined} /> : !isEmpty && <Empty title={w.noMatchTitle} text={w.noMatch}><Button onClick={() => look("")}>{w.clear}</Button></Empty>}
            {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
          </>
        )}
      </section>
      <TaxonLabels />
      {open?.what === "add" && <TaxonForm onClose={close} />}
      {open?.what === "edit" && <TaxonForm id={open.taxon.id} onClose={close} />}
      {open?.what === "remove" && (
        <Confirm
          open onClose={close} title={w.removeAsk(open.taxon.scientific_name)} text={w.removeText} go={w.removeGo} busy={remove.isPending}
          onGo={() => remove.mutate(open.taxon)}
        />
      )}
    </div>
  )
}

function Table({ taxa, onOpen }: { taxa: Taxon[]; onOpen?: (open: Opened) => void }) {
  return (
    <div className="table-scroll">
      <table className="table keys-table" data-testid="taxon-list">
        <thead><tr><th>{w.name}</th><th>{w.common}</th><th>{w.rank}</th><th>{w.labels}</th>{onOpen && <th><span className="visually-hidden">{w.actions}</span></th>}</tr></thead>
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
              {onOpen && (
                <td className="key-actions">
                  <span className="actions">
                    <Button small aria-label={w.editOne(taxon.scientific_name)} onClick={() => onOpen({ what: "edit", taxon })}>{words.common.edit}</Button>
                    <Button small kind="danger" aria-label={w.removeOne(taxon.scientific_name)} onClick={() => onOpen({ what: "remove", taxon })}>{words.common.remove}</Button>
                  </span>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
