/** The requests that store one decision. */
import { api, csrfHeaders, type Session, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import { sendBox } from "./boxRequests"
import { type Decision, getSeen, listStatements } from "./decisions"
import { drop, getOutbox } from "./outboxState"
import { findDecision, updateDecision } from "./outboxStore"

const NO_CHANGE = { add_tags: [], remove_tags: [], as_read: false }
const TIMEOUT_MS = 30_000

/** Send a decision and store the result; null if there is nothing left to withdraw. */
export async function sendDecision(one: Decision, session: Session): Promise<Decision | null> {
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
    const made = await sendBox(one, getOutbox().decisions, headers)
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
  // The server may have the decision that this one withdraws: both wait for the user.
  else if (of?.state === "refused" && of.batch)
    throw new ApiProblem(of.refusal?.status ?? 409, { detail: of.refusal?.why })
  // The decision that this one withdraws was refused: both are done.
  else if (of?.state === "refused")
    await updateDecision(of.key, () => null).then(() => drop(of.key))
  return updateDecision(one.key, (old) =>
    ids.length > 0 ? ({ ...old, state: "sent", sentAt: Date.now(), ids } as Decision) : null,
  )
}
