/** The API client: typed calls, the CSRF header on each unsafe request, errors as ApiProblem. */
import createClient from "openapi-fetch"
import { ApiProblem } from "./problems"
import type { paths } from "./schema"

/** The signed-in user, and the CSRF token that unsafe requests of the session must contain. */
export interface Session {
  user: string | null
  csrfToken: string | null
}

let session: Session = { user: null, csrfToken: null }
const listeners = new Set<() => void>()

/** Store user and CSRF token as one value, so that neither is used with that of another session. */
export function setSession(
  caller: { user_id: string | null; csrf_token?: string | null } | null,
): void {
  session = { user: caller?.user_id ?? null, csrfToken: caller?.csrf_token ?? null }
  for (const listener of listeners) listener()
}

export const getSession = (): Session => session

export function subscribeToSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export function csrfHeaders(of: Session = session): Record<string, string> {
  return of.csrfToken ? { "X-CSRF-Token": of.csrfToken } : {}
}

export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" })

api.use({
  onRequest({ request }) {
    if (["GET", "HEAD"].includes(request.method) || request.headers.has("X-CSRF-Token"))
      return request
    for (const [name, value] of Object.entries(csrfHeaders())) request.headers.set(name, value)
    return request
  },
})

/** Generate an Idempotency-Key. The server processes requests with the same key and body once. */
export function generateIdempotencyKey(): string {
  // randomUUID exists only on https and localhost.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("")
}

/** A response of the API client: `data` if it is successful, otherwise `error`. */
export interface ApiResponse<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** Return the body of a successful response; throws ApiProblem for any other. */
export async function unwrap<Data>(call: Promise<ApiResponse<Data>>): Promise<Data> {
  let got: ApiResponse<Data>
  try {
    got = await call
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error
    throw new ApiProblem(0, null)
  }
  if (!got.response.ok) throw new ApiProblem(got.response.status, toProblem(got.error))
  return got.data as Data
}

function toProblem(error: unknown): Record<string, string> | null {
  return typeof error === "object" && error !== null ? (error as Record<string, string>) : null
}

export const MAX_ITEMS = 1000
