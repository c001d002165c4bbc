/** The time of the server at which data were read; the clock of the browser can be wrong. */
import { type ApiResponse, unwrap } from "./client"

/** Data with the time of the server before they were read. */
export interface Dated {
  readAt?: string
}

/**
 * Return the time of the server before a request that started at `start`, which is a time of
 * `performance.now()`.
 */
export function getServerTime(response: Response, start: number): string {
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
