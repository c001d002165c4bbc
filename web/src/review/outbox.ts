/**
 * The outbox: queues the decisions of a review and sends them in order. The key of each ensures
 * that it is stored once.
 */
import { generateIdempotencyKey, getSession, type Session, subscribeToSession } from "../api/client"
import { ApiProblem, isSessionOver } from "../api/problems"
import { invertBoxDecision, replaceTheirs } from "./boxDecisions"
import { sendDecision } from "./decisionRequests"
import {
  type Decision,
  type IdentifyDecision,
  type NewDecision,
  type Refusal,
  sendAgain,
} from "./decisions"
import { claimBatch, listNext, selectBatch, sendBatch, splitBatch } from "./outboxBatches"
import { notify } from "./outboxEvents"
import {
  drop,
  getOutbox,
  getOwner,
  listOwn,
  listTogether,
  put,
  putAll,
  setDecisions,
  setOwner,
  tabs,
} from "./outboxState"
import {
  addDecision,
  claimDecision,
  listDecisions,
  updateDecision,
  updateDecisions,
} from "./outboxStore"
import { mapInParallel } from "./requestsInParallel"
import {
  EXPIRED,
  explainRefusal,
  findBatchConflict,
  findConflict,
  findUnclearRefusal,
  isExpired,
} from "./sendConflicts"
import { runExclusively } from "./sendingLock"
import { endSession, hasSessionChanged } from "./sendingSession"

export { getOutbox } from "./outboxState"

const [MIN_RETRY_MS, MAX_RETRY_MS] = [500, 15_000]

/** Each change of the queue waits for the previous one, so that an undo finds its decision. */
let turn: Promise<unknown> = Promise.resolve()
function runInTurn<Result>(act: () => Promise<Result>): Promise<Result> {
  const mine = turn.then(act)
  turn = mine.catch(() => undefined)
  return mine
}

/** The number of changes that the browser is writing to its storage. */
let storing = 0

/** Change the queue. The browser asks before it closes the page while the change is not stored. */
function changeQueue<Result>(act: () => Promise<Result>): Promise<Result> {
  storing += 1
  return runInTurn(act).finally(() => {
    storing -= 1
  })
}

/** Load the queue of the signed-in user. Without a user nothing is shown or sent. */
const load = () => runInTurn(loadNow)

async function loadNow(): Promise<void> {
  const now = getSession().user
  const isStart = now !== getOwner()
  if (isStart) setDecisions([], null)
  setOwner(now)
  if (now === null) return
  try {
    for (let before: object | null = null; before !== getOutbox(); ) {
      // If something was sent while the list was loading, load it again.
      before = getOutbox()
      const found = await listDecisions(now, isStart)
      if (before === getOutbox()) {
        setDecisions(found)
        break
      }
    }
  } catch (error) {
    // The next decision loads the queue again: without it, the count and the order are wrong.
    if (isStart) setOwner(null)
    throw error
  }
  wake()
}

async function add(decision: NewDecision): Promise<string> {
  // A key can be pressed after the user is known and before the queue is loaded.
  if (getOwner() === null) await loadNow()
  const user = getOwner()
  if (user === null) throw new ApiProblem(401, null)
  const key = generateIdempotencyKey()
  put(
    await addDecision(
      { ...decision, user, key, madeAt: Date.now(), attempts: 0, state: "waiting" },
      getOutbox().waiting + getOutbox().refused,
    ),
  )
  wake()
  return key
}

/** Queue a decision and return its key. Throws if the browser does not store it. */
export const enqueue = (decision: NewDecision): Promise<string> => changeQueue(() => add(decision))

/**
 * Undo a decision: delete it if the server cannot have it, otherwise withdraw it after it was sent.
 */
export const undo = (key: string): Promise<Decision | null> =>
  changeQueue(async () => {
    let found: Decision | null = null
    const left = await updateDecision(key, (one) => {
      // A decision of another user stays as it is.
      if (one.user !== getOwner()) return one
      found = one
      const isUnsent = one.state === "waiting" && one.attempts === 0
      return isUnsent || (one.state === "refused" && !one.batch) ? null : one
    })
    const one = found as Decision | null
    if (!left) drop(key)
    if (!left || !one) return one
    if (one.act === "withdraw") return null
    if (one.act === "box") {
      await add(invertBoxDecision(one))
      return one
    }
    const { project, image, images, filename, target } = one
    if (one.act === "star") {
      await add({ act: "star", project, image, filename, target, starred: !one.starred })
      return one
    }
    await add({ act: "withdraw", project, image, images, filename, target, ids: [], of: key })
    return one
  })

/** Delete a refused decision, and with it its whole batch. */
export const discard = (key: string): Promise<void> =>
  changeQueue(async () => {
    const keys = listTogether(key)
    const isKept = (one: Decision) => one.user !== getOwner() || one.state !== "refused"
    const left = await updateDecisions(keys, (one) => (isKept(one) ? one : null))
    for (const each of keys) if (!left.some((one) => one.key === each)) drop(each)
  })

/** Queue a refused decision again, in its previous position, and with it its whole batch. */
export const retry = (key: string): Promise<void> =>
  changeQueue(async () => {
    const queue = (one: Decision) =>
      one.user === getOwner() && one.state === "refused"
        ? sendAgain(one.act === "box" ? replaceTheirs(one) : one)
        : one
    putAll(await updateDecisions(listTogether(key), queue))
    wake(true)
  })

let sending = false
let again = false
let pause = MIN_RETRY_MS
let timer: ReturnType<typeof setTimeout> | undefined

/** Send queued decisions; `now` skips the pause after a failure. */
export function wake(now = false): void {
  if (now) pause = MIN_RETRY_MS
  if (timer !== undefined && !now) return
  clearTimeout(timer)
  timer = undefined
  again = true
  if (!sending) void drain()
}

async function drain(): Promise<void> {
  sending = true
  try {
    await runExclusively(async () => {
      while (again) {
        again = false
        let isSent = true
        while (isSent && timer === undefined) isSent = await sendNext()
      }
    })
  } finally {
    sending = false
  }
}

/** Send the oldest decisions; false if none is queued or none can be sent now. */
async function sendNext(): Promise<boolean> {
  const session = getSession()
  if (session.user === null || session.user !== getOwner()) return false
  try {
    const waiting = await listNext(session.user)
    const [oldest] = waiting
    if (!oldest) return false
    const batch = selectBatch(waiting)
    return await (batch.length > 1 || oldest.batch
      ? sendTogether(batch, session)
      : sendAlone(oldest.key, session))
  } catch (error) {
    return pauseSending(toProblem(error))
  }
}

const toProblem = (error: unknown) =>
  error instanceof ApiProblem ? error : new ApiProblem(0, null)

async function sendAlone(key: string, session: Session): Promise<boolean> {
  const one = await claimDecision(key)
  // Another tab sent it or made it part of a batch: the queue is listed again.
  if (!one) return true
  try {
    put(one)
    const obstacle = await findConflict(one, listOwn())
    if (obstacle?.other?.isSame) return await confirm(one)
    if (obstacle) return await refuse(one, obstacle)
    const sent = await sendDecision(one, session)
    if (sent) put(sent, null)
    else drop(one.key)
    pause = MIN_RETRY_MS
    notify("onSent", one)
    return true
  } catch (error) {
    return fail(toProblem(error), session, async (problem) => {
      const refusal = await explainRefusal(one, problem, listOwn())
      return refusal.other?.isSame ? confirm(one) : refuse(one, refusal)
    })
  }
}

/**
 * Send decisions one by one, so that only those that cause a failure are refused. None is checked
 * again in a batch with the others.
 */
async function sendEachAlone(some: readonly Decision[], session: Session): Promise<boolean> {
  for (const { key } of some) {
    // The next one is sent with the session of then, or not at all.
    if (getSession() !== session) return true
    if (!(await sendAlone(key, session))) return false
  }
  return true
}

/** Send decisions in one request. If the server refuses it, each half is sent separately. */
async function sendTogether(some: readonly IdentifyDecision[], session: Session): Promise<boolean> {
  let sendable = some
  if (!some[0]?.batch) {
    // It is not part of a batch yet: the content of a batch that was sent never changes.
    try {
      const found = await mapInParallel(some, findBatchConflict)
      for (const [at, one] of some.entries()) if (found[at]) await refuse(one, found[at])
      sendable = some.filter((_, at) => !found[at])
    } catch (error) {
      return fail(toProblem(error), session, () => sendEachAlone(some, session))
    }
    if (sendable.length < 2) return true
  } else if (some.some(isExpired)) return refuseAll(some, EXPIRED)
  const batch = await claimBatch(sendable)
  if (batch.length === 0) return true
  putAll(batch)
  try {
    putAll(await sendBatch(batch, session), null)
    pause = MIN_RETRY_MS
    for (const one of batch) notify("onSent", one)
    return true
  } catch (error) {
    return fail(toProblem(error), session, async (problem) => {
      const unclear = await findUnclearRefusal(batch, problem, listOwn())
      if (unclear) return refuseAll(batch, unclear, true)
      putAll(await splitBatch(batch))
      return true
    })
  }
}

/** Send a decision although another user decided, as that user says the same. */
async function confirm(one: Decision): Promise<true> {
  const confirmed = await updateDecision(
    one.key,
    (old) => ({ ...old, confirmed: true }) as Decision,
  )
  if (confirmed) put(confirmed)
  return true
}

/** Try again later, after longer pauses each time. */
function pauseSending(problem: ApiProblem): false {
  const isFirst = getOutbox().trouble === null
  setDecisions(getOutbox().decisions, problem)
  if (isFirst) notify("onFailed", getOutbox().waiting)
  timer = setTimeout(
    () => {
      timer = undefined
      wake()
    },
    pause * (0.75 + Math.random() / 2),
  )
  pause = Math.min(pause * 2, MAX_RETRY_MS)
  return false
}

const RETRIED_STATUSES = new Set([0, 408, 425, 429])

/** Handle a failed request; `onRefused` handles one that the server refuses each time. */
async function fail(
  given: ApiProblem,
  session: Session,
  onRefused: (problem: ApiProblem) => Promise<boolean>,
): Promise<boolean> {
  let problem = given
  if (problem.status === 401) return endSession()
  if (problem.status === 403) {
    try {
      if (await hasSessionChanged(session)) return getSession().user === session.user
    } catch (error) {
      problem = toProblem(error)
    }
  }
  if (RETRIED_STATUSES.has(problem.status) || problem.status >= 500) return pauseSending(problem)
  try {
    return await onRefused(problem)
  } catch (error) {
    if (isSessionOver(error)) return endSession()
    return pauseSending(toProblem(error))
  }
}

/**
 * Store the reason of a refusal with the decisions, until the user sends them again or discards
 * them. `isUnclear`: the server may have them, so they are sent again in the same batch only.
 */
async function refuseAll(
  some: readonly Decision[],
  refusal: Refusal,
  isUnclear = false,
): Promise<true> {
  const batches = new Map(some.map(({ key, batch }) => [key, batch]))
  const found = await updateDecisions([...batches.keys()], (old) =>
    // Another tab can have sent it meanwhile.
    old.state === "waiting" && old.batch === batches.get(old.key)
      ? { ...old, state: "refused", refusal, batch: isUnclear ? old.batch : undefined }
      : old,
  )
  putAll(found, null)
  for (const one of found) if (one.state === "refused") notify("onRefused", one)
  return true
}

const refuse = (one: Decision, refusal: Refusal) => refuseAll([one], refusal)

/** Start the outbox: it follows the session, the network, and the decisions of other tabs. */
export function startOutbox(): () => void {
  const read = () => void load().catch(() => undefined)
  const retry = () => wake(true)
  const onVisibility = () => {
    if (document.hidden) return
    read()
    wake(true)
  }
  const warn = (event: BeforeUnloadEvent) =>
    getOutbox().waiting + storing > 0 && event.preventDefault()
  const endSessions = subscribeToSession(read)
  tabs?.addEventListener("message", read)
  window.addEventListener("online", retry)
  document.addEventListener("visibilitychange", onVisibility)
  window.addEventListener("beforeunload", warn)
  read()
  return () => {
    endSessions()
    tabs?.removeEventListener("message", read)
    window.removeEventListener("online", retry)
    document.removeEventListener("visibilitychange", onVisibility)
    window.removeEventListener("beforeunload", warn)
  }
}
