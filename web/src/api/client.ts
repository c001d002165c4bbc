/** The thin client: typed calls, the CSRF header on every unsafe one, errors thrown as ApiProblem. */
import createClient from "openapi-fetch"
import { ApiProblem } from "./problems"
import type { paths } from "./schema"

let csrfToken: string | null = null

/** Remembers the token that unsafe calls must carry while a cookie signs us in. */
export function rememberCsrfToken(token: string | null | undefined): void {
  csrfToken = token ?? null
}

export function csrfHeaders(): Record<string, string> {
  return csrfToken ? { "X-CSRF-Token": csrfToken } : {}
}

export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" })

api.use({
  onRequest({ request }) {
    if (!["GET", "HEAD"].includes(request.method) && csrfToken) request.headers.set("X-CSRF-Token", csrfToken)
    return request
  },
})

/** An Idempotency-Key: the same one with the same body does a thing once, however often it is sent. */
export function makeKey(): string {
  // randomUUID is there under https only.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

interface Answer<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** The body of a good answer; throws ApiProblem for any other. */
export async function answer<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  let got: Answer<Data>
  try {
    got = await call
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error
    throw new ApiProblem(0, null)
  }
  if (!got.response.ok) throw new ApiProblem(got.response.status, asProblem(got.error))
  return got.data as Data
}

function asProblem(error: unknown): Record<string, string> | null {
  return typeof error === "object" && error !== null ? (error as Record<string, string>) : null
}
