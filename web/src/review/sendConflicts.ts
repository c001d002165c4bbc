/** Reasons not to send a queued decision: it is too old, or another user decided after it. */
import { api, unwrap } from "../api/client"
import type { Identification } from "../api/types"
import type { Decision, Refusal } from "./decisions"
import { outboxTexts as t } from "./en"

/**
 * The server stores Idempotency-Keys for 30 days. After that, the same request could be stored
 * twice.
 */
const KEY_EXPIRES_MS = 30 * 24 * 3600 * 1000
/** A decision that is sent later than this was taken without knowledge of what happened since. */
const MAX_AGE_MS = 5_000
const MAX_LISTED = 200

/**
 * Find the reason not to send a decision; otherwise null. `own` are the IDs of this
 * browser's identifications.
 */
export async function findConflict(
  one: Decision,
  own: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Refusal | null> {
  if (one.act === "identify" && one.confirmed) return null
  const age = Date.now() - one.madeAt
  if (age > KEY_EXPIRES_MS) return { status: 0, why: t.expired }
  if (
    one.act !== "identify" ||
    one.body.kind === "comment" ||
    (one.attempts < 2 && age < MAX_AGE_MS)
  )
    return null
  const query = { project: one.project, image: one.image, limit: MAX_LISTED }
  const { results } = await unwrap(
    api.GET("/api/v2/identifications", { params: { query }, signal }),
  )
  const annotation = one.body.annotations[0] ?? null
  const since = one.seen === undefined ? one.madeAt : one.seen === "" ? 0 : Date.parse(one.seen)
  const isAbout = (other: Identification) =>
    other.annotation_id === annotation || other.annotation_id === null || annotation === null
  const isLater = (other: Identification) =>
    other.kind !== "comment" &&
    !other.withdrawn_at &&
    isAbout(other) &&
    Date.parse(other.created_at) > since
  const later = results.filter(isLater)
  // The server stored it and the response was lost: sending it again returns the same response.
  const isStored = later.some(
    (other) => other.person_id === one.user && other.kind === one.body.kind && !own.has(other.id),
  )
  const newest = later.find((other) => other.person_id !== one.user)
  if (!newest || isStored) return null
  const name = newest.kind === "correct" ? ` ${newest.label ?? ""}` : ""
  return {
    status: 409,
    why: t.newer(
      newest.by,
      `${t.does[newest.kind] ?? newest.kind}${name}`,
      new Date(newest.created_at).toLocaleString("en"),
    ),
  }
}
