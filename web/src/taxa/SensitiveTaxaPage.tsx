/** The sensitive taxa of a project, and how exactly each role sees their locations. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { type ReactNode, useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import type { SensitiveTaxon } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { settingsTexts } from "../projects/en"
import { isOwner, useProject } from "../projects/projectContext"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button, LinkButton } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { EditRemoveCell } from "../ui/EditRemoveCell"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { sensitiveTaxonTexts as t } from "./en"
import { sensitiveTaxaQuery, taxaQuery } from "./queries"
import { SensitiveTaxonForm } from "./SensitiveTaxonForm"
import { RULE_ROLES } from "./sensitiveLevels"
import "./taxa.css"

/** The open dialog: the form, or the confirmation before a rule is deleted. */
type OpenRule = { what: "add" } | { what: "edit" | "remove"; taxon: SensitiveTaxon }

/** The cached data that shows locations, or names of deployments and files. */
const RESTRICTED_DATA = ["deployment", "image", "export", "source", "import"]

export function SensitiveTaxaPage() {
  const project = useProject()
  const client = useQueryClient()
  const [open, setOpen] = useState<OpenRule | null>(null)
  const close = () => setOpen(null)
  const { data, error, refetch } = useQuery(sensitiveTaxaQuery(project.id))
  const listed = data?.results ?? []
  const may = isOwner(project)
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const refresh = () => {
    for (const key of RESTRICTED_DATA)
      void client.invalidateQueries({ queryKey: [key, project.id] })
    return client.invalidateQueries({ queryKey: sensitiveTaxaQuery(project.id).queryKey })
  }
  const remove = useMutation({
    mutationFn: (taxon: SensitiveTaxon) =>
      unwrap(
        api.DELETE("/api/v2/projects/{project_id}/sensitive-taxa/{taxon_id}", {
          params: { path: { project_id: project.id, taxon_id: taxon.taxon_id } },
        }),
      ),
    onSuccess: (_, taxon) => showToast(t.removed(taxon.scientific_name)),
    onSettled: () => {
      close()
      return refresh()
    },
  })
  const add = may && (
    <Button
      kind="accent"
      icon={<Plus size={15} aria-hidden />}
      onClick={() => setOpen({ what: "add" })}
    >
      {t.add}
    </Button>
  )
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
        {data && <span className="count">{t.count(listed.length)}</span>}
        {listed.length > 0 && <div className="actions">{add}</div>}
      </div>
      <SettingsTabs part="sensitive-taxa" />
      <section aria-label={t.title}>
        <p className="soft list-note">
          {t.text} {!may && t.onlyOwners}
        </p>
        {error && <ErrorMessage error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows rows={3} />}
        {data && listed.length === 0 && <NoSensitiveTaxon may={may}>{add}</NoSensitiveTaxon>}
        {listed.length > 0 && (
          <>
            <SensitiveTaxonTable listed={listed} onOpen={may ? setOpen : undefined} />
            <p className="soft small list-note">{t.covers}</p>
          </>
        )}
      </section>
      {open && open.what !== "remove" && (
        <SensitiveTaxonForm
          edited={open.what === "edit" ? open.taxon : undefined}
          listed={listed}
          onClose={close}
          onSaved={() => void refresh()}
        />
      )}
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

/** The empty list with its next step, which is the list of taxa if the project has none. */
function NoSensitiveTaxon({ may, children }: { may: boolean; children: ReactNode }) {
  const project = useProject()
  const { data: taxa } = useInfiniteQuery({ ...taxaQuery(project.id, ""), enabled: may })
  if (!may) return <EmptyState title={t.noneTitle} text={t.noneRead} />
  if (taxa?.pages[0]?.count === 0)
    return (
      <EmptyState title={t.noneTitle} text={t.noTaxa}>
        <LinkButton kind="accent" href={paths.taxa(project.id)}>
          {t.goTaxa}
        </LinkButton>
      </EmptyState>
    )
  return (
    <EmptyState title={t.noneTitle} text={t.none}>
      {children}
    </EmptyState>
  )
}

function SensitiveTaxonTable({
  listed,
  onOpen,
}: {
  listed: SensitiveTaxon[]
  onOpen?: (open: OpenRule) => void
}) {
  return (
    <div className="table-scroll">
      <table className="table stacked-table" data-testid="sensitive-taxa">
        <thead>
          <tr>
            <th>{t.taxon}</th>
            {RULE_ROLES.map((role) => (
              <th key={role}>{t.roles[role]}</th>
            ))}
            {onOpen && (
              <th>
                <span className="visually-hidden">{t.actions}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {listed.map((taxon) => (
            <tr key={taxon.taxon_id} data-taxon={taxon.scientific_name}>
              <td>
                <b>
                  <i>{taxon.scientific_name}</i>
                </b>
              </td>
              {RULE_ROLES.map((role) => (
                <td key={role} data-label={t.roles[role]}>
                  {t.levels[taxon[role]]}
                </td>
              ))}
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
