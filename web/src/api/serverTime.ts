/** The time of the server at which data were read; the clock of the browser can be wrong. */
import { type ApiResponse, unwrap } from "./client"

/** Data with the time of the server before they were read. */
export interface Dated {
  readAt?: string
}

/**
 * Return the time of the server before it read the data of a response.
 *
 * The request started at `start`, a time of `performance.now()`. It counts if a proxy removes the
 * header of the server: `Date` has whole seconds, of the time of the response.
 */
export function getServerTime(response: Response, start: number): string {
  const read = response.headers.get("X-Trapline-Time")
  if (read) return new Date(read).toISOString()
  const sent = Date.parse(response.headers.get("Date") ?? "") || Date.now()
  return new Date(sent - (performance.now() - start)).toISOString()
}

/** Return the body of a successful response with its time; throws ApiProblem for any other. */
export async function unwrapDated<Data extends object>(
  call: Promise<ApiResponse<Data>>,
): Promise<Data & Dated> {
  const start = performance.now()
  let readAt: string | undefined
  const data = await unwrap(
    call.then((got) => {
      readAt = getServerTime(got.response, start)
      return got
    }),
  )
  return { ...data, readAt }
}
