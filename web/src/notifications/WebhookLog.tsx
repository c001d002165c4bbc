/** The log of a webhook: what it was told, how that went and why, and how to send it again. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query"
import { answer, api } from "../api/client"
import { askDeliveries } from "../api/queries"
import type { Delivery, DeliveryState, Webhook } from "../api/types"
import { Button } from "../ui/Button"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { webhookWords } from "./en.webhooks"
import { useProject } from "../projects/project"
import { useSearch } from "../ui/search"

const STATES: DeliveryState[] = ["failed", "waiting", "delivered"]
const LOOKS: Record<DeliveryState, string> = { waiting: "state state-now", delivered: "state state-good", failed: "state state-bad" }

export function WebhookLog({ webhook, isThere }: { webhook: Webhook; isThere: boolean }) {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useSearch()
  const state = STATES.find((one) => one === search.get("state"))
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    ...askDeliveries(project.id, webhook.id, state), enabled: isThere, refetchInterval: webhook.waiting > 0 ? 2_000 : 10_000,
  })
  const deliveries = data?.pages.flatMap((page) => page.results) ?? []
  const w = webhookWords
  const path = { webhook_id: webhook.id }
  const replay = useMutation({
    mutationFn: (delivery: string | undefined) =>
      answer(
        delivery
          ? api.POST("/api/v2/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", { params: { path: { ...path, delivery_id: delivery } } })
          : api.POST("/api/v2/webhooks/{webhook_id}/deliveries/replay", { params: { path } }),
      ),
    onSuccess: (done) => toast(w.replayed(done.replayed)),
    onSettled: () => client.invalidateQueries({ queryKey: ["webhook", project.id] }),
  })
  const counts: Partial<Record<DeliveryState, number>> = { failed: webhook.failed, waiting: webhook.waiting }
  return (
    <section className="section">
      <div className="section-head">
        <h2>{w.log}</h2>
        {webhook.failed > 0 && webhook.is_active && (
          <Button small busy={replay.isPending && replay.variables === undefined} onClick={() => replay.mutate(undefined)}>{w.replayAll(webhook.failed)}</Button>
        )}
      </div>
      <div className="tabs">
        {[undefined, ...STATES].map((one) => (
          <button key={one ?? "all"} type="button" className="tab" aria-pressed={one === state} onClick={() => setSearch((next) => (one ? next.set("state", one) : next.delete("state")), { replace: true })}>
            {one ? w.states[one] : words.common.all}
            {one && counts[one] !== undefined && <span className="faint">{words.count(counts[one])}</span>}
          </button>
        ))}
      </div>
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && deliveries.length === 0 && <p className="soft">{state ? w.noLogIn : w.noLog}</p>}
      {deliveries.length > 0 && (
        <div className="table-scroll">
          <table className="table keys-table webhook-log" data-testid="deliveries">
            <thead><tr><th>{w.event}</th><th>{w.at}</th><th>{w.state}</th><th>{w.answer}</th><th><span className="visually-hidden">{w.actions}</span></th></tr></thead>
            <tbody>
              {deliveries.map((one) => (
                <tr key={one.id} data-delivery={one.id}>
                  <td><b>{w.types[one.event_type] ?? one.event_type}</b> <code className="faint">{one.event_type}</code></td>
                  <td data-label={w.at}><When at={one.created_at} /></td>
                  <td data-label={w.state}><span className={LOOKS[one.state]} data-state={one.state}>{w.states[one.state]}</span></td>
                  <td className="webhook-answer"><Answer delivery={one} /></td>
                  <td className="key-actions">
                    {webhook.is_active && one.state !== "waiting" && (
                      <span className="actions">
                        <Button small aria-label={w.replayOne(one.event_type)} busy={replay.isPending && replay.variables === one.id} onClick={() => replay.mutate(one.id)}>{w.replay}</Button>
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
      <p className="soft small" style={{ marginTop: 12 }}>{w.logText}</p>
    </section>
  )
}

/** How the last attempt went, what comes next, and behind a fold all that was said. */
function Answer({ delivery }: { delivery: Delivery }) {
  const w = webhookWords
  const { last_status: status, last_error: why, duration_ms: ms } = delivery
  return (
    <>
      {why ?? (status !== null ? w.answered(status, ms ?? 0) : w.notYet)}
      {delivery.attempts > 1 || why ? (
        <span className="faint"> {w.attempts(delivery.attempts)}{delivery.next_attempt_at && <>, {w.again} <When at={delivery.next_attempt_at} short /></>}</span>
      ) : null}
      <details className="more">
        <summary>{w.details}</summary>
        <dl className="webhook-details">
          <dt>{w.id}</dt><dd><code>{delivery.id}</code></dd>
          <dt>{w.told}</dt><dd><pre>{JSON.stringify(delivery.data, null, 2)}</pre></dd>
          {delivery.response_excerpt && <><dt>{w.said}</dt><dd><pre>{delivery.response_excerpt}</pre></dd></>}
        </dl>
      </details>
    </>
  )
}
