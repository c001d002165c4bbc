/**
 * The outbox: queues the decisions of a review and sends them in order. The key of each ensures
 * that it is stored once.
 */
import {
  api,
  csrfHeaders,
  generateIdempotencyKey,
  getSession,
  type Session,
  setSession,
  subscribeToSession,
  unwrap,
} from "../api/client"
import { ApiProblem, isSessionOver } from "../api/problems"
import { invertBoxDecision, replaceTheirs } from "./boxDecisions"
import { sendBox } from "./boxRequests"
import {
  type Decision,
  getSeen,
  listStatements,
  type NewDecision,
  type Refusal,
  sendAgain,
} from "./decisions"
import { notify } from "./outboxEvents"
import {
  addDecision,
  claimNextDecision,
  findDecision,
  listDecisions,
  updateDecision,
} from "./outboxStore"
import { explainRefusal, findConflict } from "./sendConflicts"
import { runExclusively } from "./sendingLock"

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
const NO_CHANGE = { add_tags: [], remove_tags: [], as_read: false }
const [MIN_RETRY_MS, MAX_RETRY_MS] = [500, 15_000]
const TIMEOUT_MS = 30_000

let state: Outbox = EMPTY_OUTBOX
let user: string | null = null
/** Decisions that the browser is writing to its storage. */
let storing = 0
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("trapline-outbox") : null

export const getOutbox = (): Outbox => state

function set(decisions: readonly Decision[], trouble: ApiProblem | null = state.trouble): void {
  const count = (wanted: Decision["state"]) =>
    decisions.filter((one) => one.state === wanted).length
  const waiting = count("waiting")
  state = { decisions, waiting, refused: count("refused"), trouble: waiting === 0 ? null : trouble }
  notify("onChange")
}

function put(one: Decision, trouble = state.trouble): void {
  if (one.user !== user) return
  const at = state.decisions.findIndex(({ key }) => key === one.key)
  set(
    at < 0
      ? [...state.decisions, one]
      : state.decisions.map((old, place) => (place === at ? one : old)),
    trouble,
  )
  tabs?.postMessage(null)
}

function drop(key: string): void {
  set(state.decisions.filter((one) => one.key !== key))
  notify("onDropped", key)
  tabs?.postMessage(null)
}

/** Each change of the queue waits for the previous one, so that an undo finds its decision. */
let turn: Promise<unknown> = Promise.resolve()
function runInTurn<Result>(act: () => Promise<Result>): Promise<Result> {
  const mine = turn.then(act)
  turn = mine.catch(() => undefined)
  return mine
}

/** Load the queue of the signed-in user. Without a user nothing is shown or sent. */
const load = () =>
  runInTurn(async () => {
    const now = getSession().user
    const isStart = now !== user
    if (isStart) set([], null)
    user = now
    if (now === null) return
    for (let before: Outbox | null = null; before !== state; ) {
      // If something was sent while the list was loading, load it again.
      before = state
      const found = await listDecisions(now, isStart)
      if (before === state) {
        set(found)
        break
      }
    }
    wake()
  })

async function add(decision: NewDecision): Promise<string> {
  if (user === null) throw new ApiProblem(401, null)
  const key = generateIdempotencyKey()
  put(
    await addDecision(
      { ...decision, user, key, madeAt: Date.now(), attempts: 0, state: "waiting" },
      state.waiting + state.refused,
    ),
  )
  wake()
  return key
}

/** Queue a decision and return its key. Throws if the browser does not store it. */
export const enqueue = (decision: NewDecision): Promise<string> => {
  storing += 1
  return runInTurn(() => add(decision)).finally(() => {
    storing -= 1
  })
}

/** Change a decision of the signed-in user; a decision of another user stays as it is. */
const updateOwn = (key: string, change: (one: Decision) => Decision | null) =>
  updateDecision(key, (one) => (one.user === user ? change(one) : one))

/** Undo a decision: delete it if it was never sent, otherwise withdraw it after it was sent. */
export const undo = (key: string): Promise<Decision | null> =>
  runInTurn(async () => {
    let found: Decision | null = null
    const left = await updateOwn(key, (one) => {
      found = one
      return one.state === "refused" || (one.state === "waiting" && one.attempts === 0) ? null : one
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

/** Delete a refused decision. */
export const discard = (key: string): Promise<void> =>
  runInTurn(async () => {
    if (!(await updateOwn(key, (one) => (one.state === "refused" ? null : one)))) drop(key)
  })

/** Queue a refused decision again, in its previous position. */
export const retry = (key: string): Promise<void> =>
  runInTurn(async () => {
    const one = await updateOwn(key, (old) =>
      old.state === "refused" ? sendAgain(old.act === "box" ? replaceTheirs(old) : old) : old,
    )
    if (one) put(one)
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

/** Send the oldest decision; false if none is queued or none can be sent now. */
async function sendNext(): Promise<boolean> {
  const session = getSession()
  if (session.user === null || session.user !== user) return false
  let one: Decision | null = null
  try {
    one = await claimNextDecision(session.user)
    if (!one) return false
    put(one)
    const obstacle = await findConflict(one, listOwn())
    if (obstacle?.other?.isSame) return await confirm(one)
    if (obstacle) return await refuse(one, obstacle)
    const sent = await send(one, session)
    if (sent) put(sent, null)
    else drop(one.key)
    pause = MIN_RETRY_MS
    notify("onSent", one)
    return true
  } catch (error) {
    const problem = error instanceof ApiProblem ? error : new ApiProblem(0, null)
    return one ? fail(one, problem, session) : pauseSending(problem)
  }
}

/** The IDs of the identifications that this browser sent. */
const listOwn = (): Set<string> =>
  new Set(
    state.decisions.flatMap((other) =>
      other.act === "identify" ? other.made.map(({ id }) => id) : [],
    ),
  )

/** Send a decision although another user decided, as that user says the same. */
async function confirm(one: Decision): Promise<true> {
  const confirmed = await updateDecision(
    one.key,
    (old) => ({ ...old, confirmed: true }) as Decision,
  )
  if (confirmed) put(confirmed)
  return true
}

/** Send a decision and store the result; null if there is nothing left to withdraw. */
async function send(one: Decision, session: Session): Promise<Decision | null> {
  const headers = { "Idempotency-Key": one.key, ...csrfHeaders(session) }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  if (one.act === "identify") {
    const { identifications } = await unwrap(
      api.POST("/api/v2/identifications", {
        body: {
          identifications: [one.body],
          ...getSeen(one),
        },
        headers,
        signal,
      }),
    )
    return updateDecision(
      one.key,
      (old) => ({ ...old, state: "sent", sentAt: Date.now(), made: identifications }) as Decision,
    )
  }
  if (one.act === "box") {
    const made = await sendBox(one, state.decisions, headers)
    return updateDecision(
      one.key,
      (old) => ({ ...old, state: "sent", sentAt: Date.now(), made }) as Decision,
    )
  }
  if (one.act === "star") {
    const body = { ...NO_CHANGE, images: [one.image], starred: one.starred }
    await unwrap(api.PATCH("/api/v2/images", { body, headers, signal }))
    return updateDecision(one.key, (old) => ({ ...old, state: "sent", sentAt: Date.now() }))
  }
  const of = one.of ? await findDecision(one.of) : undefined
  const ids = [...one.ids, ...(of?.act === "identify" ? listStatements(of.made) : [])]
  if (ids.length > 0)
    await unwrap(
      api.POST("/api/v2/identifications/withdraw", {
        body: { identifications: ids },
        headers,
        signal,
      }),
    )
  // The decision that this one withdraws was refused: both are done.
  else if (of?.state === "refused")
    await updateDecision(of.key, () => null).then(() => drop(of.key))
  return updateDecision(one.key, (old) =>
    ids.length > 0 ? ({ ...old, state: "sent", sentAt: Date.now(), ids } as Decision) : null,
  )
}

/** Try again later, after longer pauses each time. */
function pauseSending(problem: ApiProblem): false {
  const isFirst = state.trouble === null
  set(state.decisions, problem)
  if (isFirst) notify("onFailed", state.waiting)
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

async function fail(one: Decision, given: ApiProblem, session: Session): Promise<boolean> {
  let problem = given
  if (problem.status === 401) return endSession()
  if (problem.status === 403) {
    try {
      if (await hasSessionChanged(session)) return getSession().user === session.user
    } catch (error) {
      problem = error instanceof ApiProblem ? error : new ApiProblem(0, null)
    }
  }
  if (RETRIED_STATUSES.has(problem.status) || problem.status >= 500) return pauseSending(problem)
  try {
    const refusal = await explainRefusal(one, problem, listOwn())
    return await (refusal.other?.isSame ? confirm(one) : refuse(one, refusal))
  } catch (error) {
    if (isSessionOver(error)) return endSession()
    return pauseSending(error instanceof ApiProblem ? error : new ApiProblem(0, null))
  }
}

/**
 * Store the reason of a refusal with the decision, until the user sends it again or discards it.
 */
async function refuse(one: Decision, refusal: Refusal): Promise<true> {
  const refused = await updateDecision(one.key, (old) => ({ ...old, state: "refused", refusal }))
  if (refused) {
    put(refused, null)
    notify("onRefused", refused)
  }
  return true
}

/** Stop sending until the user signs in again. */
function endSession(): false {
  setSession(null)
  notify("onSessionOver")
  return false
}

/**
 * Whether the cookie belongs to another session than the page's, as after a sign-in in another tab.
 */
async function hasSessionChanged(session: Session): Promise<boolean> {
  try {
    const caller = await unwrap(api.GET("/api/v2/auth/me"))
    if (caller.user_id === session.user && caller.csrf_token === session.csrfToken) return false
    setSession(caller)
    if (caller.user_id !== session.user) notify("onSessionOver")
  } catch (error) {
    if (!isSessionOver(error)) throw error
    endSession()
  }
  return true
}

/** Start the outbox: it follows the session, the network, and the decisions of other tabs. */
export function startOutbox(): () => void {
  const read = () => void load().catch(() => undefined)
  const retry = () => wake(true)
  const onVisibility = () => {
    if (document.hidden) return
    read()
    wake(true)
  }
  const warn = (event: BeforeUnloadEvent) => state.waiting + storing > 0 && event.preventDefault()
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
