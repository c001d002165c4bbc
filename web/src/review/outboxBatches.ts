/**
 * Batches of the outbox: consecutive identifications that one request stores, all or none. If the
 * server refuses one of them, the batch is split until that decision is alone.
 */
import { api, csrfHeaders, generateIdempotencyKey, type Session, unwrap } from "../api/client"
import type { Identification } from "../api/types"
import { type Decision, type IdentifyDecision, listDecidedImages } from "./decisions"
import { listWaiting, updateDecisions } from "./outboxStore"

/** Maximum numbers of decisions and of their images in one request. */
const [MAX_BATCH, MAX_IMAGES] = [100, 400]
const TIMEOUT_MS = 60_000

/** Whether a decision can share a request: it was never sent, and the server checks `seen`. */
const canShare = (one: Decision): one is IdentifyDecision =>
  one.act === "identify" && one.attempts === 0 && !one.confirmed && Boolean(one.seen)

/**
 * Select the decisions at the start of the queue that one request stores; one or none are not a
 * batch. The images of a decision are in no other decision of the batch, so that their order does
 * not matter.
 *
 * A batch that was sent and got no response is sent again with the same content.
 */
export function selectBatch(waiting: readonly Decision[]): IdentifyDecision[] {
  const [first] = waiting
  if (!first) return []
  if (first.batch)
    return waiting.filter(
      (one): one is IdentifyDecision => one.act === "identify" && one.batch === first.batch,
    )
  const batch: IdentifyDecision[] = []
  const images = new Set<string>()
  for (const one of waiting) {
    const own = listDecidedImages(one)
    if (
      !canShare(one) ||
      one.project !== first.project ||
      batch.length === MAX_BATCH ||
      (batch.length > 0 && images.size + own.length > MAX_IMAGES) ||
      own.some((image) => images.has(image))
    )
      break
    batch.push(one)
    for (const image of own) images.add(image)
  }
  return batch
}

/** Find the identifications that the server stored for a decision of a batch. */
export function findMade(
  { body }: Pick<IdentifyDecision, "body">,
  stored: readonly Identification[],
): Identification[] {
  const isOf = (one: Identification) =>
    one.annotation_id
      ? body.annotations.includes(one.annotation_id)
      : one.sequence_id
        ? body.sequences.includes(one.sequence_id)
        : body.images.includes(one.image_id)
  return stored.filter(isOf)
}

/** List the decisions at the start of the queue of which one batch can consist. */
export async function listNext(user: string): Promise<Decision[]> {
  const waiting = await listWaiting(user, MAX_BATCH)
  // A decision that was refused and is queued again can stand between those of a batch.
  return waiting[0]?.batch ? listWaiting(user) : waiting
}

/**
 * Whether a decision can still be sent in the batch that it was listed in; undefined for a new
 * batch. It can have been undone, or another tab can have sent it.
 */
export const canClaim = (one: Decision, batch: string | undefined): boolean =>
  one.state === "waiting" && one.batch === batch && (batch !== undefined || one.attempts === 0)

/**
 * Mark decisions as one batch before they are sent; those that were undone are left out. The result
 * is empty if a batch that was sent is not complete any more, because another tab split it.
 */
export async function claimBatch(some: readonly IdentifyDecision[]): Promise<IdentifyDecision[]> {
  const known = some[0]?.batch
  const batch = known ?? generateIdempotencyKey()
  const claimed = new Set<string>()
  const changed = await updateDecisions(
    some.map(({ key }) => key),
    (one) => {
      if (!canClaim(one, known)) return one
      claimed.add(one.key)
      return { ...one, batch, attempts: one.attempts + 1 }
    },
  )
  if (known !== undefined && claimed.size < some.length) return []
  return changed.filter(
    (one): one is IdentifyDecision => one.act === "identify" && claimed.has(one.key),
  )
}

/** Send a batch, and return its decisions as they are stored. Throws ApiProblem. */
export async function sendBatch(
  batch: readonly IdentifyDecision[],
  session: Session,
): Promise<Decision[]> {
  // A later time would hide what another user decided between the two. If the earlier one leads to
  // a conflict that its user knows, the decision is sent again alone.
  const seen = batch
    .map((one) => one.seen ?? "")
    .reduce((a, b) => (Date.parse(a) <= Date.parse(b) ? a : b))
  const { identifications } = await unwrap(
    api.POST("/api/v2/identifications", {
      body: { identifications: batch.map(({ body }) => body), seen },
      headers: { "Idempotency-Key": batch[0]?.batch ?? "", ...csrfHeaders(session) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }),
  )
  const sentAt = Date.now()
  return updateDecisions(
    batch.map(({ key }) => key),
    (one) =>
      one.act === "identify"
        ? { ...one, state: "sent", sentAt, made: findMade(one, identifications) }
        : one,
  )
}

/**
 * Divide the decisions of a refused batch: the key of the half for each, undefined for a decision
 * that is sent alone. Two tabs that divide the same batch find the same keys.
 */
export function divideBatch(
  batch: readonly Pick<IdentifyDecision, "key" | "batch">[],
): Map<string, string | undefined> {
  const middle = Math.ceil(batch.length / 2)
  const halves = [batch.slice(0, middle), batch.slice(middle)]
  return new Map(
    halves.flatMap((half, at) =>
      half.map(({ key, batch: old }) => [key, half.length > 1 ? `${old}-${at}` : undefined]),
    ),
  )
}

/** Split a batch that the server refused: nothing of it was stored. */
export function splitBatch(batch: readonly IdentifyDecision[]): Promise<Decision[]> {
  const halves = divideBatch(batch)
  const old = batch[0]?.batch
  return updateDecisions([...halves.keys()], (one) =>
    canClaim(one, old) ? { ...one, batch: halves.get(one.key) } : one,
  )
}
