/** Webhooks: who is told of what happens in the project, and how that goes. */
import { useQuery } from "@tanstack/react-query"
import { Plus, TriangleAlert } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import { askWebhooks } from "../api/queries"
import type { Webhook } from "../api/types"
import { IntegrationTabs } from "../external/IntegrationTabs"
import { mayManage, useProject } from "../projects/project"
import { WebhookForm } from "./WebhookForm"
import { WebhookState } from "./WebhookState"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "./webhooks.css"
import { When } from "../ui/time"
import { words } from "../en"
import { webhookWords } from "./en.webhooks"

export function WebhooksPage() {
  const project = useProject()
  const may = mayManage(project)
  const { data, error, refetch } = useQuery({ ...askWebhooks(project.id), enabled: may, refetchInterval: 10_000 })
  const [adding, setAdding] = useState(false)
  const w = webhookWords
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w, project.name])
  const add = <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setAdding(true)}>{w.add}</Button>
  return (
    <div className="narrow">
      <div className="page-head"><h1>{words.integration.title}</h1></div>
      <IntegrationTabs part="webhooks" />
      <section aria-label={w.title}>
        {!may && <Empty title={w.title} text={w.onlyManagers} />}
        {error && <Trouble error={error} retry={() => void refetch()} />}
        {may && !data && !error && <SkeletonRows />}
        {data?.nats?.failing_since && (
          <div className="trouble" role="status" data-testid="nats-away">
            <TriangleAlert size={18} aria-hidden />
            <div>
              <p>{w.natsAway} <When at={data.nats.failing_since} />: {data.nats.error}.</p>
              <p className="soft">{w.natsAwayText}</p>
            </div>
          </div>
        )}
        {data?.results.length === 0 && <Empty title={w.noneTitle} text={w.none}>{add}</Empty>}
        {data && data.results.length > 0 && (
          <>
            <div className="keys-head"><p className="soft">{w.text}</p>{add}</div>
            <Table webhooks={data.results} />
          </>
        )}
      </section>
      {adding && <WebhookForm onClose={() => setAdding(false)} />}
    </div>
  )
}

function Table({ webhooks }: { webhooks: Webhook[] }) {
  const project = useProject()
  const w = webhookWords
  return (
    <div className="table-scroll">
      <table className="table keys-table">
        <thead><tr><th>{w.url}</th><th>{w.events}</th><th>{w.state}</th><th className="number">{w.waiting}</th><th className="number">{w.failed}</th></tr></thead>
        <tbody>
          {webhooks.map((one) => (
            <tr key={one.id} className={one.is_active ? undefined : "key-off"} data-webhook={one.id}>
              <td><Link className="name" href={paths.webhook(project.id, one.id)}>{one.name || one.url}</Link>{one.name && <div className="small faint">{one.url}</div>}</td>
              <td data-label={w.events}>{one.event_types.length > 0 ? w.some(one.event_types.length) : w.all}</td>
              <td data-label={w.state}><WebhookState webhook={one} /></td>
              <td className={one.waiting ? "number" : "number faint"} data-label={w.waiting}>{words.count(one.waiting)}</td>
              <td className={one.failed ? "number red" : "number faint"} data-label={w.failed}>{words.count(one.failed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
