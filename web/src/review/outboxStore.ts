/** The queue of decisions in IndexedDB: it survives a reload, the end of a session and the end of the browser. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb"
import type { Decision, UnnumberedDecision } from "./decisions"

interface Schema extends DBSchema {
  decisions: { key: number; value: Decision; indexes: { user: string; key: string } }
}

/** The queue holds this many decisions of a user that are not stored by the server yet. */
export const MAX_DECISIONS = 10_000
/** Decisions are kept for undo for this long after the server stored them, however long they waited before. */
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

/** Lists the decisions of a user in order; deletes those that the server stored long ago. */
export async function listDecisions(user: string): Promise<Decision[]> {
  const transaction = (await openDatabase()).transaction("decisions", "readwrite")
  const all = await transaction.store.index("user").getAll(user)
  const isOld = (one: Decision) =>
    one.state === "sent" && (one.sentAt ?? one.madeAt) < Date.now() - RETENTION_MS
  await Promise.all(all.filter(isOld).map((one) => transaction.store.delete(one.number)))
  await transaction.done
  return all.filter((one) => !isOld(one))
}

/** Adds a decision at the end of the queue. Raises QueueFull, and whatever the browser refuses storage with. */
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

/** Claims the oldest decision that waits, and counts an attempt before it is sent. */
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

/** Changes a decision that is still there; null where it was deleted meanwhile. */
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

/** Counts the decisions in this browser that wait, of every user. */
export async function countWaiting(): Promise<number> {
  return (await (await openDatabase()).getAll("decisions")).filter((one) => one.state === "waiting")
    .length
}
