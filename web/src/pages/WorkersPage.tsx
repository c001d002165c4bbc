/** Processing services and their workers, what is registered, and how to connect one more. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { Link } from "wouter"
import { answer, api } from "../api/client"
import { askPipelines, askServices } from "../api/queries"
import { mayManage, useProject } from "../components/project"
import { OnlineTag } from "../components/states"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { words } from "../words/en"

export function WorkersPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery({ ...askServices(project.id), refetchInterval: 15_000 })
  const [connecting, setConnecting] = useState(false)
  const w = words.worker
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])
  const connect = mayManage(project) && <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setConnecting(true)}>{w.connect}</Button>
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.title}</h1><div className="actions">{connect}</div></div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && <Empty title={w.noneTitle} text={w.none}>{connect}</Empty>}
      <ul className="lines">
        {data?.results.map((service) => (
          <li key={service.id}>
            <div className="line-head"><b>{service.name}</b><OnlineTag online={service.online} /></div>
            <p className="small soft">{w.lastSeen}: <When at={service.last_seen_at} />. {w.offers}: {service.pipelines.join(", ") || words.common.none}.</p>
            {service.workers.length > 0 ? (
              <div className="table-scroll">
                <table className="table">
                  <thead><tr><th>{w.name}</th><th>{w.address}</th><th>{w.onJob}</th><th className="number">{w.holds}</th><th className="number">{w.completed}</th><th className="number">{w.rate}</th><th>{w.lastSeen}</th></tr></thead>
                  <tbody>
                    {service.workers.map((worker) => (
                      <tr key={worker.id}>
                        <td><OnlineTag online={worker.online} /> {worker.name}</td>
                        <td>{worker.address}</td>
                        <td>{worker.job_id === null ? <span className="faint">{words.common.none}</span> : <Link href={paths.job(project.id, worker.job_id)}>{worker.job_id}</Link>}</td>
                        <td className="number">{words.count(worker.holds)}</td>
                        <td className="number">{words.count(worker.completed)}</td>
                        <td className="number nowrap">{worker.images_per_s === null ? "" : words.job.perMinute(worker.images_per_s)}</td>
                        <td className="nowrap"><When at={worker.last_contact_at} short /></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            ) : <p className="small faint">{w.noLive}</p>}
          </li>
        ))}
      </ul>
      <Pipelines />
      <ConnectWorker open={connecting} onClose={() => setConnecting(false)} />
    </div>
  )
}

function Pipelines() {
  const project = useProject()
  const { data, error } = useQuery(askPipelines(project.id))
  const w = words.worker
  if (error) return <section className="section"><Trouble error={error} /></section>
  if (!data || data.results.length === 0) return null
  return (
    <section className="section">
      <h2>{w.pipelines}</h2>
      <ul className="lines">
        {data.results.map((one) => (
          <li key={one.id}>
            <div className="line-head"><span><b>{one.name}</b> <code className="faint">{one.slug}</code> <span className="faint">{w.version} {one.version}</span></span><OnlineTag online={one.online} /></div>
            {one.description && <p className="soft">{one.description}</p>}
            <p className="small soft">
              {one.algorithms.map((algorithm) => `${algorithm.name} ${algorithm.version}${algorithm.classes ? ` (${w.classes(algorithm.classes)})` : ""}`).join(" → ")}
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}

function ConnectWorker({ open, onClose }: { open: boolean; onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [name, setName] = useState("")
  const w = words.worker
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.POST("/api/v2/auth/tokens", { body: { name: name.trim(), kind: "worker", projects: [project.id] } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["token"] }),
  })
  const close = () => {
    make.reset()
    setName("")
    onClose()
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const address = `TRAPLINE_SERVER=${window.location.origin}`
  const token = make.data ? `TRAPLINE_TOKEN=${make.data.token}` : ""
  return (
    <Dialog open={open} onClose={close} title={w.connectTitle} wide={Boolean(make.data)}>
      {make.data ? (
        <div className="form">
          <p className="note">{w.shownOnce}</p>
          <Copyable text={make.data.token} />
          <Copyable label={w.install} text={'pip install "trapline[worker]"'} />
          <Copyable label={w.registerStep} text={`${address} ${token} trapline register`} />
          <Copyable label={w.runStep} text={`${address} ${token} trapline worker`} />
          <div className="dialog-actions"><Button kind="accent" onClick={close}>{words.common.close}</Button></div>
        </div>
      ) : (
        <form className="form" onSubmit={submit}>
          <p className="soft">{w.connectText}</p>
          <TextField label={w.tokenName} required maxLength={255} autoFocus value={name} onChange={(event) => setName(event.target.value)} />
          {make.error && <Trouble error={make.error} />}
          <div className="dialog-actions">
            <Button onClick={close}>{words.common.cancel}</Button>
            <Button type="submit" kind="accent" busy={make.isPending}>{w.make}</Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
