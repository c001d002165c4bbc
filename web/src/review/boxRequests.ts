/** Requests that store what the user drew. */
import { api, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Annotation } from "../api/types"
import { getAction, isFulfilled, isPoint } from "./boxDecisions"
import type { BoxDecision, BoxValues, Decision } from "./decisions"

const TIMEOUT_MS = 30_000
/** The box has another version, does not exist any more, or its ID is in use. */
const CONFLICTS = new Set([404, 409, 412])

/** Another user changed or withdrew the box; `theirs` is null if it was withdrawn. */
export class BoxConflict extends ApiProblem {
  readonly theirs: Annotation | null
  /** The user who changed it; null if the history is not available. */
  readonly by: string | null

  constructor(problem: ApiProblem, theirs: Annotation | null, by: string | null) {
    super(412, problem.problem)
    this.theirs = theirs
    this.by = by
  }
}

/** Return the version of a box that the user knows: of what was shown or stored by the user. */
function getVersion(one: BoxDecision, decisions: readonly Decision[]): number {
  const own = decisions.flatMap((other) =>
    other.act === "box" && other.id === one.id && other.state === "sent"
      ? (other.made?.version ?? 0)
      : 0,
  )
  return Math.max(one.version, ...own)
}

/**
 * Store a decision about a box, and return the stored box; null for a box that was deleted.
 *
 * The response to an earlier attempt can be lost: a box that the server already has is not in
 * conflict.
 *
 * Throws BoxConflict, ApiProblem.
 */
export async function sendBox(
  one: BoxDecision,
  decisions: readonly Decision[],
  headers: Record<string, string>,
): Promise<Annotation | null> {
  const version = getVersion(one, decisions)
  try {
    return await request(one, {
      ...headers,
      ...(getAction(one) !== "create" && version > 0 ? { "If-Match": `"${version}"` } : {}),
    })
  } catch (error) {
    if (!(error instanceof ApiProblem) || !CONFLICTS.has(error.status)) throw error
    const theirs = await findBox(one)
    if (theirs === undefined || (theirs === null && getAction(one) === "create")) throw error
    if (isFulfilled(one, theirs)) return theirs
    throw new BoxConflict(error, theirs, await findLastAuthor(one.id))
  }
}

async function request(
  one: BoxDecision,
  headers: Record<string, string>,
): Promise<Annotation | null> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const { id, after } = one
  if (after === null) {
    const params = { path: { annotation_id: id } }
    await unwrap(api.DELETE("/api/v2/annotations/{annotation_id}", { params, headers, signal }))
    return null
  }
  if (getAction(one) === "update") {
    const params = { path: { annotation_id: id } }
    const body = buildShape(after)
    return unwrap(
      api.PATCH("/api/v2/annotations/{annotation_id}", { params, body, headers, signal }),
    )
  }
  const { taxon, label, box: _, polygon: __, ...values } = after
  const named = taxon ? { taxon } : { label }
  const body = {
    annotations: [
      {
        id,
        image: one.image,
        supersedes: one.supersedes,
        ...values,
        ...buildShape(after),
        ...named,
      },
    ],
  }
  const created = await unwrap(api.POST("/api/v2/annotations", { body, headers, signal }))
  return created.annotations[0] ?? null
}

/** Build the shape of a request. */
function buildShape(values: BoxValues) {
  const { box, polygon } = values
  if (polygon) return { polygon }
  return isPoint(values) ? { point: [box.x_min, box.y_min] } : { box }
}

/** Find the stored box; null if it was withdrawn, undefined if its image is not available. */
async function findBox(one: BoxDecision): Promise<Annotation | null | undefined> {
  try {
    const image = await unwrap(
      api.GET("/api/v2/images/{image_id}", {
        params: { path: { image_id: one.image } },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }),
    )
    return (image.boxes_by_people ?? []).find(({ id }) => id === one.id) ?? null
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return undefined
    throw error
  }
}

async function findLastAuthor(id: string): Promise<string | null> {
  try {
    const params = { path: { annotation_id: id } }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const path = "/api/v2/annotations/{annotation_id}/history"
    const { changes } = await unwrap(api.GET(path, { params, signal }))
    return changes[0]?.by ?? null
  } catch {
    // The box was purged with its image.
    return null
  }
}
