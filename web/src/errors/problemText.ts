import { ApiProblem } from "../api/problems"
import { errorTexts, translateDetail } from "./en"

/** Status codes that mean that nothing was changed. */
const UNCHANGED_STATUSES = new Set([401, 403, 404, 405, 409, 412, 422, 429])

/** Error details that already say who or what can help. */
const HAS_ADVICE = /\b(ask|tell|owner|operator|reload|call with)\b/i

export interface ProblemText {
  what: string
  advice: string
}

/** Describe an error in two sentences: what happened, and what to do. */
export function formatProblem(error: unknown): ProblemText {
  const said = errorTexts
  if (!(error instanceof ApiProblem)) return { what: said.unexpected, advice: said.reload }
  if (error.status === 0) return { what: said.unreachable, advice: said.triesAgain }
  const fields = (error.problem?.errors ?? []).map((field) => `${field.where}: ${field.message}`)
  // A response without a detail is from a proxy between the browser and the server.
  const detail = error.problem?.detail
  const told = detail
    ? translateDetail(detail)
    : error.status >= 500
      ? said.noAnswer(error.status)
      : said.unexpected
  const what = [
    told,
    ...fields,
    ...(UNCHANGED_STATUSES.has(error.status) && !/nothing|nobody|no one|lost|unchanged/i.test(told)
      ? [said.nothingChanged]
      : []),
  ].join(" ")
  if (error.status === 401) return { what, advice: /sign in/i.test(told) ? "" : said.signIn }
  if (error.status === 403) return { what, advice: HAS_ADVICE.test(told) ? "" : said.askOwner }
  if (error.status === 404) return { what, advice: said.goBack }
  if (error.status === 409 || error.status === 412) return { what, advice: said.lookAgain }
  if (error.status < 500) return { what, advice: "" }
  return {
    what,
    advice: error.problem?.request_id ? said.reportWith(error.problem.request_id) : said.reload,
  }
}
