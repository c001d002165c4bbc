/** Where the cameras are. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { Link, useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askDeployments } from "../api/queries"
import { DeploymentForm } from "../components/DeploymentForm"
import { mayManage, useProject } from "../components/project"
import { paths, withSearch } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../words/en"

export function DeploymentsPage({ adding, editing }: { adding?: boolean; editing?: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data, error, refetch } = useQuery(askDeployments(project.id))
  const [removing, setRemoving] = useState<string | null>(null)
  const w = words.deployment
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])
  const close = () => go(paths.deployments(project.id))
  const edited = data?.results.find((one) => one.id === editing)
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
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.title}</h1><div className="actions">{add}</div></div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && <Empty title={w.noneTitle} text={w.none}>{add}</Empty>}
      {data && data.results.length > 0 && (
        <div className="table-scroll">
          <table className="table">
            <thead><tr><th>{w.name}</th><th className="number">{w.images}</th><th>{w.last}</th><th>{w.place}</th><th>{w.zone}</th><th>{w.camera}</th>{manage && <th />}</tr></thead>
            <tbody>
              {data.results.map((one) => (
                <tr key={one.id}>
                  <td><Link className="name" href={withSearch(paths.images(project.id), { deployment: one.id })} title={w.seeImages}>{one.name}</Link>{one.habitat && <p className="small soft">{one.habitat}</p>}</td>
                  <td className="number">{words.count(one.images)}</td>
                  <td className="nowrap"><When at={one.last_image_at} zone={one.time_zone} /></td>
                  <td className="nowrap">{one.latitude !== null && one.longitude !== null ? `${one.latitude.toFixed(4)}, ${one.longitude.toFixed(4)}` : <span className="faint">{words.common.unknown}</span>}</td>
                  <td>{one.time_zone}</td>
                  <td>{one.camera}</td>
                  {manage && (
                    <td className="nowrap number">
                      <LinkButton small kind="quiet" href={paths.deployment(project.id, one.id)}>{words.common.edit}</LinkButton>
                      {one.images === 0 && <Button small kind="quiet" onClick={() => setRemoving(one.id)}>{w.remove}</Button>}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Dialog open={Boolean(adding)} onClose={close} title={w.add}><DeploymentForm onDone={close} /></Dialog>
      <Dialog open={Boolean(edited)} onClose={close} title={w.edit}>{edited && <DeploymentForm key={edited.id} deployment={edited} onDone={close} />}</Dialog>
      <Confirm open={removing !== null} onClose={() => setRemoving(null)} title={w.removeAsk} text={w.removeText} go={w.remove} busy={remove.isPending} onGo={() => removing && remove.mutate(removing)} />
    </div>
  )
}
