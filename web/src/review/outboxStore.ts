/**
 * The queue of decisions in IndexedDB, which survives a reload, the end of the session and a
 * restart of the browser.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb"
import type { Decision, UnnumberedDecision } from "./decisions"

interface Schema extends DBSchema {
  decisions: { key: number; value: Decision; indexes: { user: string; key: string } }
}

/** Maximum number of decisions of a user that the server has not stored yet. */
export const MAX_DECISIONS = 10_000
/** Decisions can be undone for this long after the server stored them. */
const RETENTION_MS = 24 * 3600 * 1000

export class QueueFull extends Error {}

let opened: Promise<IDBPDatabase<Schema>> | null = null

function openDatabase(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>("trapline-outbox", 1, {
    upgrade(database) {
      const store = database.createObjectStore("decisions", {
        keyPath: "number",
        autoIncrement: true,
      })
      store.createIndex("user", "user")
      store.createIndex("key", "key", { unique: true })
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

/** List the decisions of a user in order, and delete those whose retention has ended. */
export async function listDecisions(user: string): Promise<Decision[]> {
  const transaction = (await openDatabase()).transaction("decisions", "readwrite")
  const all = await transaction.store.index("user").getAll(user)
  const isOld = (one: Decision) =>
    one.state === "sent" && (one.sentAt ?? one.madeAt) < Date.now() - RETENTION_MS
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

/** Claim the oldest queued decision. The attempt is counted before the decision is sent. */
export async function claimNextDecision(user: string): Promise<Decision | null> {
  const transaction = (await openDatabase()).transaction("decisions", "readwrite")
  let found: Decision | null = null
  for (
    let cursor = await transaction.store.index("user").openCursor(user);
    cursor;
    cursor = await cursor.continue()
  ) {
    if (cursor.value.state !== "waiting") continue
    found = { ...cursor.value, attempts: cursor.value.attempts + 1 }
    await cursor.update(found)
    break
  }
  await transaction.done
  return found
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

export async function findDecision(key: string): Promise<Decision | undefined> {
  return (await openDatabase()).getFromIndex("decisions", "key", key)
}

/** Count the queued decisions of all users in this browser. */
export async function countWaiting(): Promise<number> {
  return (await (await openDatabase()).getAll("decisions")).filter((one) => one.state === "waiting")
    .length
}
