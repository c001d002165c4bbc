/**
 * Reasons not to send a queued decision: it is too old, another user decided after it, or images
 * were added to its sequence.
 */
import { api, unwrap } from "../api/client"
import type { Identification } from "../api/types"
import { locale } from "../ui/en"
import { type Decision, type IdentifyDecision, listDecidedImages, type Refusal } from "./decisions"
import { outboxTexts as t } from "./en"
import { mapInParallel } from "./requestsInParallel"

/**
 * The server stores Idempotency-Keys for 30 days. After that, the same request could be stored
 * twice.
 */
const KEY_EXPIRES_MS = 30 * 24 * 3600 * 1000
/** A decision that is sent later than this was taken without knowledge of what happened since. */
const MAX_AGE_MS = 5_000
/** The same for a decision about data that were fetched earlier than this. */
const MAX_DATA_AGE_MS = 60_000
const MAX_LISTED = 200
const MAX_IMAGES = 1000
/** Of one request: a sequence can have any number of images. */
const TIMEOUT_MS = 30_000

/**
 * Find the reason not to send a decision; otherwise null. `own` are the IDs of this
 * browser's identifications.
 */
export async function findConflict(
  one: Decision,
  own: ReadonlySet<string>,
): Promise<Refusal | null> {
  if (one.act === "identify" && one.confirmed) return null
  const age = Date.now() - one.madeAt
  if (age > KEY_EXPIRES_MS) return { status: 0, why: t.expired }
  if (
    one.act !== "identify" ||
    one.body.kind === "comment" ||
    (one.attempts < 2 && age < MAX_AGE_MS && (one.dataAge ?? 0) <= MAX_DATA_AGE_MS)
  )
    return null
  const pages = await mapInParallel(listDecidedImages(one), (image) => {
    const query = { project: one.project, image, limit: MAX_LISTED }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return unwrap(api.GET("/api/v2/identifications", { params: { query }, signal }))
  })
  const results = pages.flatMap((page) => page.results)
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
  // Reviewers of a set decide independently.
  const newest = one.body.independent
    ? undefined
    : later.find((other) => other.person_id !== one.user)
  if (isStored) return null
  if (!newest) return findAddedImages(one)
  const name = newest.kind === "correct" ? ` ${newest.label ?? ""}` : ""
  return {
    status: 409,
    why: t.newer(
      newest.by,
      `${t.does[newest.kind] ?? newest.kind}${name}`,
      new Date(newest.created_at).toLocaleString(locale),
    ),
  }
}

/** Refuse a decision about a sequence with images that the user was not shown. */
async function findAddedImages(one: IdentifyDecision): Promise<Refusal | null> {
  const shown = new Set(listDecidedImages(one))
  const pages = await mapInParallel(one.body.sequences, (sequence) => {
    const query = {
      project: one.project,
      sequence,
      order: "captured_at" as const,
      limit: MAX_IMAGES,
    }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return unwrap(api.GET("/api/v2/images", { params: { query }, signal }))
  })
  const added = pages.flatMap(({ results }) => results).filter(({ id }) => !shown.has(id))
  return added.length > 0 ? { status: 409, why: t.added(added.length) } : null
}
