/**
 * The deliveries of a webhook: event, response, reason of a failure, and a button to send again.
 */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import type { Delivery, DeliveryState, Webhook } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { formatCount, uiTexts } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { MoreButton } from "../ui/MoreButton"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { useUrlQuery } from "../ui/urlQuery"
import { webhookTexts } from "./en"
import { formatEventType } from "./eventTypes"
import { deliveriesQuery } from "./queries"

const STATES: DeliveryState[] = ["failed", "waiting", "delivered"]
const TAG_CLASS: Record<DeliveryState, string> = {
  waiting: "state state-now",
  delivered: "state state-good",
  failed: "state state-bad",
}

export function DeliveryLog({ webhook, isThere }: { webhook: Webhook; isThere: boolean }) {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useUrlQuery()
  const state = STATES.find((one) => one === search.get("state"))
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    ...deliveriesQuery(project.id, webhook.id, state),
    enabled: isThere,
    refetchInterval: webhook.waiting > 0 ? 2_000 : 10_000,
  })
  const deliveries = data?.pages.flatMap((page) => page.results) ?? []
  const t = webhookTexts
  const path = { webhook_id: webhook.id }
  const replay = useMutation({
    mutationFn: (delivery: string | undefined) =>
      unwrap(
        delivery
          ? api.POST("/api/v2/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", {
              params: { path: { ...path, delivery_id: delivery } },
            })
          : api.POST("/api/v2/webhooks/{webhook_id}/deliveries/replay", { params: { path } }),
      ),
    onSuccess: (done) => showToast(t.replayed(done.replayed)),
    onSettled: () => client.invalidateQueries({ queryKey: ["webhook", project.id] }),
  })
  const counts: Partial<Record<DeliveryState, number>> = {
    failed: webhook.failed,
    waiting: webhook.waiting,
  }
  return (
    <section className="section">
      <div className="section-head">
        <h2>{t.log}</h2>
        {webhook.failed > 0 && webhook.is_active && (
          <Button
            small
            busy={replay.isPending && replay.variables === undefined}
            onClick={() => replay.mutate(undefined)}
          >
            {t.replayAll(webhook.failed)}
          </Button>
        )}
      </div>
      <div className="tabs">
        {[undefined, ...STATES].map((one) => (
          <button
            key={one ?? "all"}
            type="button"
            className="tab"
            aria-pressed={one === state}
            onClick={() =>
              setSearch((next) => (one ? next.set("state", one) : next.delete("state")), {
                replace: true,
              })
            }
          >
            {one ? t.states[one] : uiTexts.all}
            {one && counts[one] !== undefined && (
              <span className="faint">{formatCount(counts[one])}</span>
            )}
          </button>
        ))}
      </div>
      {error && <ErrorMessage error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && deliveries.length === 0 && <p className="soft">{state ? t.noLogIn : t.noLog}</p>}
      {deliveries.length > 0 && (
        <div className="table-scroll">
          <table className="table stacked-table webhook-log" data-testid="deliveries">
            <thead>
              <tr>
                <th>{t.event}</th>
                <th>{t.at}</th>
                <th>{t.state}</th>
                <th>{t.answer}</th>
                <th>
                  <span className="visually-hidden">{t.actions}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {deliveries.map((one) => (
                <tr key={one.id} data-delivery={one.id}>
                  <td>
                    <b>{formatEventType(one.event_type)}</b>{" "}
                    <code className="faint">{one.event_type}</code>
                  </td>
                  <td data-label={t.at}>
                    <Timestamp at={one.created_at} />
                  </td>
                  <td data-label={t.state}>
                    <span className={TAG_CLASS[one.state]} data-state={one.state}>
                      {t.states[one.state]}
                    </span>
                  </td>
                  <td className="webhook-response">
                    <DeliveryResponse delivery={one} />
                  </td>
                  <td className="row-actions">
                    {webhook.is_active && one.state !== "waiting" && (
                      <span className="actions">
                        <Button
                          small
                          aria-label={t.replayOne(one.event_type)}
                          busy={replay.isPending && replay.variables === one.id}
                          onClick={() => replay.mutate(one.id)}
                        >
                          {t.replay}
                        </Button>
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
      <p className="soft small" style={{ marginTop: 12 }}>
        {t.logText}
      </p>
    </section>
  )
}

/** The last response, the next attempt, and behind a disclosure the full response. */
function DeliveryResponse({ delivery }: { delivery: Delivery }) {
  const t = webhookTexts
  const { last_status: status, last_error: why, duration_ms: ms } = delivery
  return (
    <>
      {why ? (
        <span lang="en">{why}</span>
      ) : status !== null ? (
        t.answered(status, ms ?? 0)
      ) : (
        t.notYet
      )}
      {delivery.attempts > 1 || why ? (
        <span className="faint">
          {" "}
          {t.attempts(delivery.attempts)}
          {delivery.next_attempt_at && (
            <>
              , {t.again} <Timestamp at={delivery.next_attempt_at} short />
            </>
          )}
        </span>
      ) : null}
      <details className="more">
        <summary>{t.details}</summary>
        <dl className="webhook-details">
          <dt>{t.id}</dt>
          <dd>
            <code>{delivery.id}</code>
          </dd>
          <dt>{t.requestBody}</dt>
          <dd>
            <pre>{JSON.stringify(delivery.data, null, 2)}</pre>
          </dd>
          {delivery.response_excerpt && (
            <>
              <dt>{t.responseStart}</dt>
              <dd>
                <pre>{delivery.response_excerpt}</pre>
              </dd>
            </>
          )}
        </dl>
      </details>
    </>
  )
}
