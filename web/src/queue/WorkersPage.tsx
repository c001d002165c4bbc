/** Processing services with their workers, registered pipelines, and how to connect a worker. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import type { Worker } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { CopyField } from "../ui/CopyField"
import { Confirm, Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { TextField } from "../ui/Field"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { formatBytes, Timestamp } from "../ui/time"
import { jobTexts, workerTexts } from "./en"
import { pipelinesQuery, servicesQuery, workersQuery } from "./queries"
import { OnlineTag } from "./statusTags"

export function WorkersPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery({
    ...servicesQuery(project.id),
    refetchInterval: 15_000,
  })
  const { data: workers } = useQuery({ ...workersQuery(project.id), refetchInterval: 15_000 })
  const [connecting, setConnecting] = useState(false)
  const t = workerTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const connect = canManage(project) && (
    <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setConnecting(true)}>
      {t.connect}
    </Button>
  )
  const services = new Set(data?.results.map((service) => service.id))
  const others =
    workers?.results.filter(
      (worker) => worker.service_id == null || !services.has(worker.service_id),
    ) ?? []
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{t.title}</h1>
        <div className="actions">{connect}</div>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && others.length === 0 && (
        <EmptyState title={t.noneTitle} text={t.none}>
          {connect}
        </EmptyState>
      )}
      <ul className="rows">
        {data?.results.map((service) => (
          <li key={service.id}>
            <div className="row-head">
              <b>{service.name}</b>
              <OnlineTag online={service.online} />
            </div>
            <p className="small soft">
              {t.lastSeen}: <Timestamp at={service.last_seen_at} />. {t.offers}:{" "}
              {service.pipelines.join(", ") || uiTexts.none}.
            </p>
            {service.workers.length > 0 ? (
              <WorkerList workers={service.workers} />
            ) : (
              <p className="small faint">{t.noLive}</p>
            )}
          </li>
        ))}
        {data && others.length > 0 && (
          <li>
            <b>{t.others}</b>
            <WorkerList workers={others} />
          </li>
        )}
      </ul>
      {workers?.results.some((worker) => worker.hello_at == null) && (
        <p className="small soft">{t.oneToken}</p>
      )}
      <PipelineList />
      <ConnectWorker open={connecting} onClose={() => setConnecting(false)} />
    </div>
  )
}

function WorkerList({ workers }: { workers: Worker[] }) {
  const project = useProject()
  const [evicting, setEvicting] = useState<Worker | null>(null)
  const client = useQueryClient()
  const t = workerTexts
  const evict = useMutation({
    mutationFn: (worker: Worker) =>
      unwrap(
        api.POST("/api/v2/workers/{worker_id}/evict", {
          params: { path: { worker_id: worker.id } },
        }),
      ),
    onSuccess: (evicted) => showToast(t.evicted(evicted.revoked)),
    onSettled: () => {
      setEvicting(null)
      return Promise.all(
        ["worker", "job"].map((kind) => client.invalidateQueries({ queryKey: [kind, project.id] })),
      )
    },
  })
  return (
    <ul>
      {workers.map((worker) => (
        <li key={worker.id} className="worker" data-worker={worker.name}>
          <div>
            <p className="worker-name">
              <OnlineTag online={worker.online} /> <b>{worker.name}</b>
            </p>
            <p className="small soft">{describeWorker(worker)}</p>
          </div>
          <div className="small">
            <p className="worker-tasks">
              {worker.jobs.length === 0 && <span className="faint">{t.idle}</span>}
              {worker.jobs.map((held) => (
                <Link key={held.job_id} href={paths.job(held.project_id, held.job_id)}>
                  {t.jobHolds(held.leases, held.job_id)}
                </Link>
              ))}
            </p>
            <p className="soft">
              {t.done(worker.completed)}
              {worker.images_per_s ? `, ${jobTexts.perMinute(worker.images_per_s)}` : ""},{" "}
              <Timestamp at={worker.last_contact_at} short />
            </p>
          </div>
          {canManage(project) && (
            <Button
              small
              kind="danger"
              aria-label={`${t.evict} ${worker.name}`}
              onClick={() => setEvicting(worker)}
            >
              {t.evict}
            </Button>
          )}
        </li>
      ))}
      {evicting && (
        <Confirm
          open
          onClose={() => setEvicting(null)}
          title={t.evictAsk(evicting.name)}
          text={t.evictText(evicting.leases)}
          go={t.evictGo}
          busy={evict.isPending}
          onGo={() => evict.mutate(evicting)}
        />
      )}
    </ul>
  )
}

/** Describe a worker by the properties that it reported; otherwise by its IP address. */
function describeWorker(worker: Worker): string {
  const t = workerTexts
  if (worker.host == null) return worker.address
  const report = worker.report
  const provider = report?.provider ? ` (${report.provider})` : ""
  const said = [
    worker.version ? `${t.version} ${worker.version}` : "",
    worker.devices.join(", ") + provider,
    report?.model_load_s != null ? t.modelLoad(report.model_load_s) : "",
    report?.batch_size != null ? t.batchSize(report.batch_size) : "",
    report?.free_memory != null ? t.freeMemory(formatBytes(report.free_memory)) : "",
    report?.free_device_memory != null
      ? t.freeDeviceMemory(formatBytes(report.free_device_memory))
      : "",
    worker.pid ? t.process(worker.pid) : "",
    worker.address,
  ]
  return said.filter(Boolean).join(" · ")
}

function PipelineList() {
  const project = useProject()
  const { data, error } = useQuery(pipelinesQuery(project.id))
  const t = workerTexts
  if (error)
    return (
      <section className="section">
        <ErrorMessage error={error} />
      </section>
    )
  if (!data || data.results.length === 0) return null
  return (
    <section className="section">
      <h2>{t.pipelines}</h2>
      <ul className="rows">
        {data.results.map((one) => (
          <li key={one.id}>
            <div className="row-head">
              <span>
                <b>{one.name}</b> <code className="faint">{one.slug}</code>{" "}
                <span className="faint">
                  {t.version} {one.version}
                </span>
              </span>
              <OnlineTag online={one.online} />
            </div>
            {one.description && <p className="soft">{one.description}</p>}
            <p className="small soft">
              {one.algorithms
                .map(
                  (algorithm) =>
                    `${algorithm.name} ${algorithm.version}${algorithm.classes ? ` (${t.classes(algorithm.classes)})` : ""}`,
                )
                .join(" → ")}
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
  const t = workerTexts
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.POST("/api/v2/auth/tokens", {
          body: { name: name.trim(), kind: "worker", projects: [project.id], nats: false },
        }),
      ),
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
    <Dialog open={open} onClose={close} title={t.connectTitle} wide={Boolean(make.data)}>
      {make.data ? (
        <div className="form">
          <p className="note">{t.shownOnce}</p>
          <CopyField text={make.data.token} />
          <CopyField label={t.install} text={'pip install ".[worker-cpu]"'} />
          <CopyField label={t.registerStep} text={`${address} ${token} trapline register`} />
          <CopyField label={t.runStep} text={`${address} ${token} trapline worker`} />
          <div className="dialog-actions">
            <Button kind="accent" onClick={close}>
              {uiTexts.close}
            </Button>
          </div>
        </div>
      ) : (
        <form className="form" onSubmit={submit}>
          <p className="soft">{t.connectText}</p>
          <p className="small soft">{t.oneToken}</p>
          <TextField
            label={t.tokenName}
            required
            maxLength={255}
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          {make.error && <ErrorMessage error={make.error} />}
          <div className="dialog-actions">
            <Button onClick={close}>{uiTexts.cancel}</Button>
            <Button type="submit" kind="accent" busy={make.isPending}>
              {t.make}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
