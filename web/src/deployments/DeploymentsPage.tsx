/** The deployments as a list, with a map next to it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import type { Deployment } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { useUrlQuery } from "../ui/urlQuery"
import { DeploymentCsv } from "./DeploymentCsv"
import { DeploymentForm } from "./DeploymentForm"
import { deploymentTexts, locationTexts } from "./en"
import { isExact, isPlaced, isWithheld } from "./locationPrecision"
import { DeploymentCard } from "./map/DeploymentCard"
import { DeploymentList } from "./map/DeploymentList"
import { DeploymentMap } from "./map/DeploymentMap"
import { mapTexts } from "./map/en"
import { deploymentsQuery } from "./queries"

export function DeploymentsPage({ adding, editing }: { adding?: boolean; editing?: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [search, setSearch] = useUrlQuery()
  const { data, error, refetch } = useQuery(deploymentsQuery(project.id))
  const [removing, setRemoving] = useState<string | null>(null)
  const [lit, setLit] = useState<string | null>(null)
  const t = deploymentTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const close = () => go(paths.deployments(project.id))
  const all = data?.results ?? []
  const edited = all.find((one) => one.id === editing)
  const chosen = all.find((one) => one.id === search.get("at"))
  const choose = (id: string | null) =>
    setSearch((next) => (id ? next.set("at", id) : next.delete("at")), { replace: true })
  const remove = useMutation({
    mutationFn: (id: string) =>
      unwrap(
        api.DELETE("/api/v2/deployments/{deployment_id}", {
          params: { path: { deployment_id: id } },
        }),
      ),
    onSuccess: () => showToast(t.removed),
    onSettled: () => {
      setRemoving(null)
      return client.invalidateQueries({ queryKey: ["deployment", project.id] })
    },
  })
  const manage = canManage(project)
  const add = manage && (
    <LinkButton
      kind="accent"
      icon={<Plus size={15} aria-hidden />}
      href={paths.newDeployment(project.id)}
    >
      {t.add}
    </LinkButton>
  )
  const acts = (one: Deployment) =>
    manage && (
      <>
        <LinkButton small kind="quiet" href={paths.deployment(project.id, one.id)}>
          {uiTexts.edit}
        </LinkButton>
        {one.images === 0 && !one.is_default && (
          <Button small kind="quiet" onClick={() => setRemoving(one.id)}>
            {t.remove}
          </Button>
        )}
      </>
    )
  const restricted = all.filter((one) => !isExact(one)).length
  const withheld = all.filter(isWithheld).length
  const unplaced = all.filter((one) => !isPlaced(one) && !isWithheld(one)).length
  const isMapEmpty = unplaced + withheld === all.length
  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        <div className="actions">
          <DeploymentCsv />
          {add}
        </div>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data && all.length === 0 && (
        <EmptyState title={t.noneTitle} text={t.none}>
          {add}
        </EmptyState>
      )}
      {all.length > 0 && (
        <div className="places">
          <div>
            {restricted > 0 && (
              <p className="note places-note" data-testid="restricted">
                {locationTexts.restricted(restricted)}{" "}
                <Link href={paths.sensitiveTaxa(project.id)}>{locationTexts.seeRules}</Link>
              </p>
            )}
            {unplaced > 0 && !isMapEmpty && (
              <p className="soft small places-note">{mapTexts.unplaced(unplaced)}</p>
            )}
            {withheld > 0 && !isMapEmpty && (
              <p className="soft small places-note">{mapTexts.withheld(withheld)}</p>
            )}
            <DeploymentList
              deployments={all}
              chosen={chosen?.id ?? null}
              lit={lit}
              onChoose={choose}
              onLit={setLit}
              acts={acts}
            />
          </div>
          <div className={isMapEmpty ? "places-map places-map-empty" : "places-map"}>
            {isMapEmpty ? (
              <div className="map map-empty">
                <p>
                  <b>{withheld > 0 ? mapTexts.noneShown : mapTexts.none}</b>
                </p>
                <p className="soft">{withheld > 0 ? mapTexts.noneShownText : mapTexts.noneText}</p>
              </div>
            ) : (
              <DeploymentMap
                deployments={all}
                label={mapTexts.label}
                chosen={chosen?.id ?? null}
                lit={lit}
                onChoose={choose}
                onLit={setLit}
              >
                {chosen && <DeploymentCard deployment={chosen} onClose={() => choose(null)} />}
              </DeploymentMap>
            )}
          </div>
        </div>
      )}
      <Dialog open={Boolean(adding)} onClose={close} title={t.add}>
        <DeploymentForm others={all} onDone={close} />
      </Dialog>
      <Dialog open={Boolean(edited)} onClose={close} title={t.edit}>
        {edited && (
          <DeploymentForm key={edited.id} deployment={edited} others={all} onDone={close} />
        )}
      </Dialog>
      <Confirm
        open={removing !== null}
        onClose={() => setRemoving(null)}
        title={t.removeAsk}
        text={t.removeText}
        go={t.remove}
        busy={remove.isPending}
        onGo={() => removing && remove.mutate(removing)}
      />
    </>
  )
}
