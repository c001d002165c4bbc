/** Processing services and their workers, what is registered, and how to connect one more. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { Link } from "wouter"
import { answer, api } from "../api/client"
import { askPipelines, askServices, askWorkers } from "../api/queries"
import type { Worker } from "../api/types"
import { mayManage, useProject } from "../projects/project"
import { OnlineTag } from "./states"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Confirm, Dialog } from "../ui/Dialog"
import { TextField } from "../ui/Field"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"

export function WorkersPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery({ ...askServices(project.id), refetchInterval: 15_000 })
  const { data: workers } = useQuery({ ...askWorkers(project.id), refetchInterval: 15_000 })
  const [connecting, setConnecting] = useState(false)
  const w = words.worker
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])
  const connect = mayManage(project) && <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setConnecting(true)}>{w.connect}</Button>
  const services = new Set(data?.results.map((service) => service.id))
  const others = workers?.results.filter((worker) => worker.service_id == null || !services.has(worker.service_id)) ?? []
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.title}</h1><div className="actions">{connect}</div></div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && others.length === 0 && <Empty title={w.noneTitle} text={w.none}>{connect}</Empty>}
      <ul className="lines">
        {data?.results.map((service) => (
          <li key={service.id}>
            <div className="line-head"><b>{service.name}</b><OnlineTag online={service.online} /></div>
            <p className="small soft">{w.lastSeen}: <When at={service.last_seen_at} />. {w.offers}: {service.pipelines.join(", ") || words.common.none}.</p>
            {service.workers.length > 0 ? <WorkerList workers={service.workers} /> : <p className="small faint">{w.noLive}</p>}
          </li>
        ))}
        {data && others.length > 0 && <li><b>{w.others}</b><WorkerList workers={others} /></li>}
      </ul>
      <Pipelines />
      <ConnectWorker open={connecting} onClose={() => setConnecting(false)} />
    </div>
  )
}

function WorkerList({ workers }: { workers: Worker[] }) {
  const project = useProject()
  const [evicting, setEvicting] = useState<Worker | null>(null)
  const client = useQueryClient()
  const w = words.worker
  const evict = useMutation({
    mutationFn: (worker: Worker) => answer(api.POST("/api/v2/workers/{worker_id}/evict", { params: { path: { worker_id: worker.id } } })),
    onSuccess: (evicted) => toast(w.evicted(evicted.taken_back)),
    onSettled: () => {
      setEvicting(null)
      return Promise.all(["worker", "job"].map((kind) => client.invalidateQueries({ queryKey: [kind, project.id] })))
    },
  })
  return (
    <ul>
      {workers.map((worker) => (
        <li key={worker.id} className="worker" data-worker={worker.name}>
          <div>
            <p className="worker-name"><OnlineTag online={worker.online} /> <b>{worker.name}</b></p>
            <p className="small soft">{describe(worker)}</p>
          </div>
          <div className="small">
            <p className="worker-holds">
              {worker.jobs.length === 0 && <span className="faint">{w.idle}</span>}
              {worker.jobs.map((held) => <Link key={held.job_id} href={paths.job(held.project_id, held.job_id)}>{w.jobHolds(held.holds, held.job_id)}</Link>)}
            </p>
            <p className="soft">
              {w.done(worker.completed)}{worker.images_per_s ? `, ${words.job.perMinute(worker.images_per_s)}` : ""}, <When at={worker.last_contact_at} short />
            </p>
          </div>
          {mayManage(project) && <Button small kind="danger" aria-label={`${w.evict} ${worker.name}`} onClick={() => setEvicting(worker)}>{w.evict}</Button>}
        </li>
      ))}
      {evicting && (
        <Confirm open onClose={() => setEvicting(null)} title={w.evictAsk(evicting.name)} text={w.evictText(evicting.holds)} go={w.evictGo} busy={evict.isPending} onGo={() => evict.mutate(evicting)} />
      )}
    </ul>
  )
}

/** What a worker said of itself; of one that said nothing, its address. */
function describe(worker: Worker): string {
  const w = words.worker
  if (worker.host == null) return worker.address
  const said = [worker.version ? `${w.version} ${worker.version}` : "", worker.devices.join(", "), worker.pid ? w.process(worker.pid) : "", worker.address]
  return said.filter(Boolean).join(" · ")
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
          <Copyable label={w.install} text={'pip install ".[worker]"'} />
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
