/**
 * Reasons not to send a queued decision: it is too old, another user decided after it, boxes or
 * results of models changed, or images were added to its sequence.
 */
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Identification } from "../api/types"
import { canReview } from "../projects/projectContext"
import { formatDay, formatTime } from "../ui/time"
import { BoxConflict } from "./boxRequests"
import { type Decision, type IdentifyDecision, listDecidedImages, type Refusal } from "./decisions"
import { reviewTexts } from "./en"
import { outboxTexts as t } from "./outbox/en"
import { mapInParallel } from "./requestsInParallel"
import { listStatedTaxa } from "./statedTaxa"

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

/** Whether the server may have deleted the key of a decision. */
export const isExpired = (one: Pick<Decision, "madeAt">): boolean =>
  Date.now() - one.madeAt > KEY_EXPIRES_MS
export const EXPIRED: Refusal = { status: 0, why: t.expired }
/** Whether a decision was taken without knowledge of what happened since. */
const isOld = (one: IdentifyDecision) =>
  Date.now() - one.madeAt >= MAX_AGE_MS || (one.dataAge ?? 0) > MAX_DATA_AGE_MS

/**
 * Find the reason not to send a decision in a batch, where the server finds the decisions of
 * others; otherwise null.
 */
export async function findBatchConflict(one: IdentifyDecision): Promise<Refusal | null> {
  if (isExpired(one)) return EXPIRED
  return isOld(one) ? findAddedImages(one) : null
}

/**
 * Find the reason not to send a decision; otherwise null. `own` are the IDs of this
 * browser's identifications. `isRefused`: the server refused it as a conflict.
 */
export async function findConflict(
  one: Decision,
  own: ReadonlySet<string>,
  isRefused = false,
): Promise<Refusal | null> {
  if (one.act === "identify" && one.confirmed && !isRefused) return null
  if (isExpired(one)) return EXPIRED
  if (one.act !== "identify" || one.body.kind === "comment") return null
  if (!isRefused && one.attempts < 2 && !isOld(one)) return null
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
  const theirs = one.body.independent ? [] : later.filter((other) => other.person_id !== one.user)
  // Other users can have decided differently about several images or boxes.
  const newest = theirs.find((other) => !isSameStatement(other, one.body)) ?? theirs[0]
  if (isStored) return null
  if (!newest) return findAddedImages(one)
  const name = newest.kind === "correct" ? ` ${newest.label ?? ""}` : ""
  return {
    status: 409,
    other: {
      by: newest.by,
      text: formatStatement(newest),
      isSame: isSameStatement(newest, one.body),
    },
    why: t.newer(
      newest.by,
      `${t.does[newest.kind] ?? newest.kind}${name}`,
      `${formatDay(newest.created_at)}, ${formatTime(newest.created_at)}`,
    ),
  }
}

const formatStatement = (one: Identification): string =>
  one.kind === "correct"
    ? listStatedTaxa(one)
        .map((taxon) =>
          [
            taxon.label ?? "",
            typeof taxon.count === "number" ? reviewTexts.times(taxon.count) : "",
            taxon.individual_id ?? "",
          ]
            .filter(Boolean)
            .join(" "),
        )
        .join(" + ")
    : (t.stated[one.kind] ?? one.kind)

/** Whether two decisions say the same about the same image or box. */
export function isSameStatement(theirs: Identification, mine: IdentifyDecision["body"]): boolean {
  const isSameSubject =
    theirs.annotation_id === null
      ? mine.annotations.length === 0
      : mine.annotations.includes(theirs.annotation_id)
  if (!isSameSubject || theirs.kind !== mine.kind) return false
  if (theirs.kind !== "correct") return true
  const isSameTaxon = mine.taxon ? mine.taxon === theirs.taxon_id : mine.label === theirs.label
  return (
    isSameTaxon &&
    !mine.taxa &&
    (theirs.taxa?.length ?? 0) <= 1 &&
    (mine.count ?? null) === theirs.count &&
    (mine.individual_id ?? null) === (theirs.individual_id ?? null)
  )
}

/** Refuse a decision about a sequence with images that the user was not shown. */
async function findAddedImages(one: IdentifyDecision): Promise<Refusal | null> {
  const shown = new Set(listDecidedImages(one))
  const pages = await mapInParallel(one.body.sequences, (sequence) => {
    const query = {
      project: one.project,
      sequence: [sequence],
      order: "captured_at" as const,
      limit: MAX_IMAGES,
    }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return unwrap(api.GET("/api/v2/images", { params: { query }, signal }))
  })
  const added = pages.flatMap(({ results }) => results).filter(({ id }) => !shown.has(id))
  return added.length > 0 ? { status: 409, why: t.added(added.length) } : null
}

/**
 * Describe what the images show now, if the server refused a decision because boxes or results of
 * models changed after the user saw them; otherwise null.
 */
async function describeChange(one: Decision, problem: ApiProblem): Promise<Refusal | null> {
  const isChange = problem.problem?.errors?.some(({ where }) => where === "seen")
  // Observations contain the decisions of others, which reviewers of a set do not see.
  if (one.act !== "identify" || one.body.independent || !isChange) return null
  const pages = await mapInParallel(listDecidedImages(one), (image) => {
    const query = { project: one.project, image, limit: MAX_LISTED }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return unwrap(api.GET("/api/v2/observations", { params: { query }, signal }))
  })
  const names = new Set(
    pages.flatMap(({ results }) =>
      results.map(({ kind, name }) => (kind === "blank" ? t.stated.blank : name)),
    ),
  )
  const text = [...names].filter(Boolean).join(" + ") || t.nothing
  return {
    status: 409,
    why: problem.problem?.detail ?? "",
    other: { by: null, text, isSame: false },
  }
}

/** Find out why the server refused a decision. */
export async function explainRefusal(
  one: Decision,
  problem: ApiProblem,
  own: ReadonlySet<string>,
): Promise<Refusal> {
  const refusal = { status: problem.status, why: problem.problem?.detail ?? "" }
  if (problem instanceof BoxConflict) return { ...refusal, theirs: problem.theirs, by: problem.by }
  if (problem.status === 409)
    return (await findConflict(one, own, true)) ?? (await describeChange(one, problem)) ?? refusal
  if (problem.status !== 403 && problem.status !== 404) return refusal
  // A user who is no longer a member does not see the project.
  const path = { project_id: one.project }
  const isRevoked = await unwrap(
    api.GET("/api/v2/projects/{project_id}", { params: { path } }),
  ).then(
    (project) => problem.status === 403 && !canReview(project),
    (error: unknown) => {
      if (error instanceof ApiProblem && error.status === 404) return true
      throw error
    },
  )
  return { ...refusal, isRevoked }
}

/**
 * The refusal of a batch that the server may have stored at an earlier attempt; null if it stored
 * nothing of it. The server returns the response that it stored before it checks anything else, but
 * not to a user who lost the right, and not if it cannot read the response any more.
 */
export async function findUnclearRefusal(
  [first]: readonly IdentifyDecision[],
  problem: ApiProblem,
  own: ReadonlySet<string>,
): Promise<Refusal | null> {
  if (!first || first.attempts < 2 || problem.problem?.errors?.length) return null
  if (problem.status === 409) return { status: 409, why: problem.problem?.detail ?? "" }
  const refusal = await explainRefusal(first, problem, own)
  return refusal.isRevoked ? refusal : null
}
