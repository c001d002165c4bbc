/** The webhooks of a project with their events and state. */
import { useQuery } from "@tanstack/react-query"
import { Plus, TriangleAlert } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import type { Webhook } from "../api/types"
import { paths } from "../paths"
import { IntegrationTabs } from "../projects/IntegrationTabs"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { WebhookForm } from "./WebhookForm"
import { WebhookTag } from "./WebhookTag"
import "./webhooks.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { integrationTabTexts } from "../projects/en"
import { formatCount } from "../ui/en"
import { Timestamp } from "../ui/time"
import { webhookTexts } from "./en"
import { webhooksQuery } from "./queries"

export function WebhooksPage() {
  const project = useProject()
  const may = canManage(project)
  const { data, error, refetch } = useQuery({
    ...webhooksQuery(project.id),
    enabled: may,
    refetchInterval: 10_000,
  })
  const [adding, setAdding] = useState(false)
  const t = webhookTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const add = (
    <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  )
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{integrationTabTexts.title}</h1>
      </div>
      <IntegrationTabs part="webhooks" />
      <section aria-label={t.title}>
        {!may && <EmptyState title={t.title} text={t.onlyManagers} />}
        {error && <ErrorMessage error={error} retry={() => void refetch()} />}
        {may && !data && !error && <SkeletonRows />}
        {data?.nats?.failing_since && (
          <div className="error-box" role="status" data-testid="nats-away">
            <TriangleAlert size={18} aria-hidden />
            <div>
              <p>
                {t.natsAway} <Timestamp at={data.nats.failing_since} />: {data.nats.error}.
              </p>
              <p className="soft">{t.natsAwayText}</p>
            </div>
          </div>
        )}
        {data?.results.length === 0 && (
          <EmptyState title={t.noneTitle} text={t.none}>
            {add}
          </EmptyState>
        )}
        {data && data.results.length > 0 && (
          <>
            <div className="list-head">
              <p className="soft">{t.text}</p>
              {add}
            </div>
            <WebhookTable webhooks={data.results} />
          </>
        )}
      </section>
      {adding && <WebhookForm onClose={() => setAdding(false)} />}
    </div>
  )
}

function WebhookTable({ webhooks }: { webhooks: Webhook[] }) {
  const project = useProject()
  const t = webhookTexts
  return (
    <div className="table-scroll">
      <table className="table stacked-table">
        <thead>
          <tr>
            <th>{t.url}</th>
            <th>{t.events}</th>
            <th>{t.state}</th>
            <th className="number">{t.waiting}</th>
            <th className="number">{t.failed}</th>
          </tr>
        </thead>
        <tbody>
          {webhooks.map((one) => (
            <tr
              key={one.id}
              className={one.is_active ? undefined : "row-inactive"}
              data-webhook={one.id}
            >
              <td>
                <Link className="name" href={paths.webhook(project.id, one.id)}>
                  {one.name || one.url}
                </Link>
                {one.name && <div className="small faint">{one.url}</div>}
              </td>
              <td data-label={t.events}>
                {one.event_types.length > 0 ? t.some(one.event_types.length) : t.all}
              </td>
              <td data-label={t.state}>
                <WebhookTag webhook={one} />
              </td>
              <td className={one.waiting ? "number" : "number faint"} data-label={t.waiting}>
                {formatCount(one.waiting)}
              </td>
              <td className={one.failed ? "number red" : "number faint"} data-label={t.failed}>
                {formatCount(one.failed)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
