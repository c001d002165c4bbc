/** The types of webhook events. */
import type { EventType } from "../api/types"
import { webhookTexts } from "./en"

/** The types that a webhook can select. */
export const EVENT_TYPES = Object.keys(webhookTexts.types) as EventType[]

/** Return the text of an event type; a newer server can send types that the page does not know. */
export const formatEventType = (type: string) =>
  type === "webhook.ping" ? webhookTexts.ping : (webhookTexts.types[type as EventType] ?? type)
