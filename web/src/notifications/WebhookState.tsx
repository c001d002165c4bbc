/** Whether a webhook is told of events, and whether it answers. */
import type { Webhook } from "../api/types"
import { When } from "../ui/time"
import { webhookWords } from "./en.webhooks"

export function WebhookState({ webhook }: { webhook: Webhook }) {
  const w = webhookWords
  if (!webhook.is_active) return <span className={webhook.disabled_reason ? "state state-bad" : "state state-off"} data-state="off">{w.off}</span>
  if (webhook.failing_since) return <span className="state state-amber" data-state="failing"><span>{w.failing} <When at={webhook.failing_since} short /></span></span>
  return <span className="state state-good" data-state="on">{w.on}</span>
}
