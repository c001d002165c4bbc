/** The decisions of the signed-in user as the page shows them, and their numbers. */
import type { ApiProblem } from "../api/problems"
import type { Decision } from "./decisions"
import { notify } from "./outboxEvents"

export interface Outbox {
  /**
   * The decisions of the signed-in user in order, including those sent since the page was opened.
   */
  decisions: readonly Decision[]
  waiting: number
  refused: number
  /** Why the oldest decision could not be sent; null after the next success. */
  trouble: ApiProblem | null
}

const EMPTY_OUTBOX: Outbox = { decisions: [], waiting: 0, refused: 0, trouble: null }
let state: Outbox = EMPTY_OUTBOX
let owner: string | null = null
/** Notifies the other tabs that the queue changed. */
export const tabs = "BroadcastChannel" in window ? new BroadcastChannel("trapline-outbox") : null

export const getOutbox = (): Outbox => state

/** The IDs of the identifications that this browser sent. */
export const listOwn = (): Set<string> =>
  new Set(
    state.decisions.flatMap((other) =>
      other.act === "identify" ? other.made.map(({ id }) => id) : [],
    ),
  )

/**
 * List the keys of the decisions that are sent again or discarded with one: the server stores all
 * of its batch or none, and may have it. Their withdrawals depend on them.
 */
export function listTogether(key: string): string[] {
  const batch = state.decisions.find((one) => one.key === key)?.batch
  const keys = new Set([key])
  for (const one of batch ? state.decisions : []) if (one.batch === batch) keys.add(one.key)
  for (const one of batch ? state.decisions : [])
    if (one.act === "withdraw" && one.of && keys.has(one.of)) keys.add(one.key)
  return [...keys]
}

/** The user whose decisions are shown and sent. */
export const getOwner = (): string | null => owner
export function setOwner(user: string | null): void {
  owner = user
}

export function setDecisions(
  decisions: readonly Decision[],
  trouble: ApiProblem | null = state.trouble,
): void {
  const count = (wanted: Decision["state"]) =>
    decisions.filter((one) => one.state === wanted).length
  const waiting = count("waiting")
  state = { decisions, waiting, refused: count("refused"), trouble: waiting === 0 ? null : trouble }
  notify("onChange")
}

/** Show new and changed decisions. */
export function putAll(some: readonly Decision[], trouble = state.trouble): void {
  const changed = new Map(some.filter((one) => one.user === owner).map((one) => [one.key, one]))
  if (changed.size === 0) return
  const known = state.decisions.map((old) => changed.get(old.key) ?? old)
  for (const { key } of state.decisions) changed.delete(key)
  setDecisions([...known, ...changed.values()], trouble)
  tabs?.postMessage(null)
}

export const put = (one: Decision, trouble = state.trouble): void => putAll([one], trouble)

export function drop(key: string): void {
  setDecisions(state.decisions.filter((one) => one.key !== key))
  notify("onDropped", key)
  tabs?.postMessage(null)
}
