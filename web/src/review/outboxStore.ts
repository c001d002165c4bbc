/**
 * The queue of decisions in IndexedDB, which survives a reload, the end of the session and a
 * restart of the browser.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb"
import type { Decision, UnnumberedDecision } from "./decisions"

interface Schema extends DBSchema {
  decisions: {
    key: number
    value: Decision
    indexes: { user: string; key: string; state: [string, string] }
  }
}

/** Maximum number of decisions of a user that the server has not stored yet. */
export const MAX_DECISIONS = 10_000
/** Decisions can be undone for this long after the server stored them. */
const RETENTION_MS = 24 * 3600 * 1000

export class QueueFull extends Error {}

let opened: Promise<IDBPDatabase<Schema>> | null = null

function openDatabase(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>("trapline-outbox", 2, {
    upgrade(database, version, _, transaction) {
      if (version < 1) {
        const store = database.createObjectStore("decisions", {
          keyPath: "number",
          autoIncrement: true,
        })
        store.createIndex("user", "user")
        store.createIndex("key", "key", { unique: true })
      }
      // The oldest unsent decision is found without reading those that were sent.
      transaction.objectStore("decisions").createIndex("state", ["user", "state"])
    },
    // Another tab has a newer version of the page.
    blocking(_, __, event) {
      ;(event.target as IDBDatabase).close()
      opened = null
    },
    terminated() {
      opened = null
    },
  }).catch((error: unknown) => {
    opened = null
    throw error
  })
  return opened
}

/**
 * List the decisions of a user in order. At the start of the page those whose retention has ended
 * are deleted; later they can be decisions of this visit, which can be undone.
 */
export async function listDecisions(user: string, isStart: boolean): Promise<Decision[]> {
  const transaction = (await openDatabase()).transaction("decisions", "readwrite")
  const all = await transaction.store.index("user").getAll(user)
  const isOld = (one: Decision) =>
    isStart && one.state === "sent" && (one.sentAt ?? one.madeAt) < Date.now() - RETENTION_MS
  await Promise.all(all.filter(isOld).map((one) => transaction.store.delete(one.number)))
  await transaction.done
  return all.filter((one) => !isOld(one))
}

/**
 * Add a decision to the end of the queue. Throws QueueFull, or the browser's error if it refuses
 * storage.
 */
export async function addDecision(
  decision: UnnumberedDecision,
  waiting: number,
): Promise<Decision> {
  if (waiting >= MAX_DECISIONS) throw new QueueFull()
  const transaction = (await openDatabase()).transaction("decisions", "readwrite", {
    durability: "strict",
  })
  const number = await transaction.store.add(decision as Decision)
  await transaction.done
  return { ...decision, number } as Decision
}

/**
 * Claim a queued decision that is not part of a batch; null if another tab sent or claimed it. The
 * attempt is counted before the decision is sent.
 */
export async function claimDecision(key: string): Promise<Decision | null> {
  let isClaimed = false
  const one = await updateDecision(key, (old) => {
    isClaimed = old.state === "waiting" && old.batch === undefined
    return isClaimed ? { ...old, attempts: old.attempts + 1 } : old
  })
  return isClaimed ? one : null
}

/** Change a decision if it still exists; null if it was deleted. */
export async function updateDecision(
  key: string,
  change: (one: Decision) => Decision | null,
): Promise<Decision | null> {
  const transaction = (await openDatabase()).transaction("decisions", "readwrite")
  const one = await transaction.store.index("key").get(key)
  const next = one ? change(one) : null
  if (one && next && next !== one) await transaction.store.put(next)
  if (one && !next) await transaction.store.delete(one.number)
  await transaction.done
  return next
}

/**
 * Change or delete decisions in one transaction; return those that still exist, in the order of
 * `keys`.
 */
export async function updateDecisions(
  keys: readonly string[],
  change: (one: Decision) => Decision | null,
): Promise<Decision[]> {
  const transaction = (await openDatabase()).transaction("decisions", "readwrite")
  const byKey = transaction.store.index("key")
  const found = await Promise.all(keys.map((key) => byKey.get(key)))
  const changed: Decision[] = []
  for (const one of found) {
    const next = one ? change(one) : null
    if (next) changed.push(next)
    if (next) await transaction.store.put(next)
    else if (one) await transaction.store.delete(one.number)
  }
  await transaction.done
  return changed
}

/** List the oldest queued decisions of a user in order, or all without a limit. */
export async function listWaiting(user: string, limit?: number): Promise<Decision[]> {
  return (await openDatabase()).getAllFromIndex("decisions", "state", [user, "waiting"], limit)
}

export async function findDecision(key: string): Promise<Decision | undefined> {
  return (await openDatabase()).getFromIndex("decisions", "key", key)
}

/** Count the queued decisions of all users in this browser. */
export async function countWaiting(): Promise<number> {
  return (await (await openDatabase()).getAll("decisions")).filter((one) => one.state === "waiting")
    .length
}
