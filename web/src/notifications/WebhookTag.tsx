/** Whether a webhook is active, and whether its deliveries succeed. */
import type { Webhook } from "../api/types"
import { Timestamp } from "../ui/time"
import { webhookTexts } from "./en"

export function WebhookTag({ webhook }: { webhook: Webhook }) {
  const t = webhookTexts
  if (!webhook.is_active)
    return (
      <span
        className={webhook.disabled_reason ? "state state-bad" : "state state-off"}
        data-state="off"
      >
        {t.off}
      </span>
    )
  if (webhook.failing_since)
    return (
      <span className="state state-amber" data-state="failing">
        <span>
          {t.failing} <Timestamp at={webhook.failing_since} short />
        </span>
      </span>
    )
  return (
    <span className="state state-good" data-state="on">
      {t.on}
    </span>
  )
}
