/** Where the cameras are: a list, and a plain map beside it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askDeployments } from "../api/queries"
import type { Deployment } from "../api/types"
import { DeploymentForm } from "./DeploymentForm"
import { DeploymentSheet } from "./DeploymentSheet"
import { mayManage, useProject } from "../projects/project"
import { useSearch } from "../ui/search"
import { DeploymentMap } from "./map/DeploymentMap"
import { PlaceCard } from "./map/PlaceCard"
import { PlaceList } from "./map/PlaceList"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { mapWords } from "./map/en"

export function DeploymentsPage({ adding, editing }: { adding?: boolean; editing?: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const [search, setSearch] = useSearch()
  const { data, error, refetch } = useQuery(askDeployments(project.id))
  const [removing, setRemoving] = useState<string | null>(null)
  const [lit, setLit] = useState<string | null>(null)
  const w = words.deployment
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])
  const close = () => go(paths.deployments(project.id))
  const all = data?.results ?? []
  const edited = all.find((one) => one.id === editing)
  const chosen = all.find((one) => one.id === search.get("at"))
  const choose = (id: string | null) => setSearch((next) => (id ? next.set("at", id) : next.delete("at")), { replace: true })
  const remove = useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/api/v2/deployments/{deployment_id}", { params: { path: { deployment_id: id } } })),
    onSuccess: () => toast(w.removed),
    onSettled: () => {
      setRemoving(null)
      return client.invalidateQueries({ queryKey: ["deployment", project.id] })
    },
  })
  const manage = mayManage(project)
  const add = manage && <LinkButton kind="accent" icon={<Plus size={15} aria-hidden />} href={paths.newDeployment(project.id)}>{w.add}</LinkButton>
  const acts = (one: Deployment) => manage && (
    <>
      <LinkButton small kind="quiet" href={paths.deployment(project.id, one.id)}>{words.common.edit}</LinkButton>
      {one.images === 0 && !one.is_default && <Button small kind="quiet" onClick={() => setRemoving(one.id)}>{w.remove}</Button>}
    </>
  )
  const unplaced = all.filter((one) => one.latitude === null || one.longitude === null).length
  return (
    <>
      <div className="page-head"><h1>{w.title}</h1><div className="actions"><DeploymentSheet />{add}</div></div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data && all.length === 0 && <Empty title={w.noneTitle} text={w.none}>{add}</Empty>}
      {all.length > 0 && (
        <div className="places">
          <div>
            {unplaced > 0 && unplaced < all.length && <p className="soft small places-note">{mapWords.unplaced(unplaced)}</p>}
            <PlaceList deployments={all} chosen={chosen?.id ?? null} lit={lit} onChoose={choose} onLit={setLit} acts={acts} />
          </div>
          <div className={unplaced === all.length ? "places-map places-map-none" : "places-map"}>
            {unplaced === all.length ? <div className="map map-none"><p><b>{mapWords.none}</b></p><p className="soft">{mapWords.noneText}</p></div> : (
              <DeploymentMap deployments={all} label={mapWords.label} chosen={chosen?.id ?? null} lit={lit} onChoose={choose} onLit={setLit}>
                {chosen && <PlaceCard deployment={chosen} onClose={() => choose(null)} />}
              </DeploymentMap>
            )}
          </div>
        </div>
      )}
      <Dialog open={Boolean(adding)} onClose={close} title={w.add}><DeploymentForm others={all} onDone={close} /></Dialog>
      <Dialog open={Boolean(edited)} onClose={close} title={w.edit}>{edited && <DeploymentForm key={edited.id} deployment={edited} others={all} onDone={close} />}</Dialog>
      <Confirm open={removing !== null} onClose={() => setRemoving(null)} title={w.removeAsk} text={w.removeText} go={w.remove} busy={remove.isPending} onGo={() => removing && remove.mutate(removing)} />
    </>
  )
}
