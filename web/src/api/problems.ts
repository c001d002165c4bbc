import type { components } from "./schema"

type Problem = components["schemas"]["Problem"]

/** An answer that was not the one hoped for; `status` is 0 where no answer came. */
export class ApiProblem extends Error {
  readonly status: number
  readonly problem: Partial<Problem> | null

  constructor(status: number, problem: Partial<Problem> | null) {
    super(problem?.detail ?? `status ${status}`)
    this.name = "ApiProblem"
    this.status = status
    this.problem = problem
  }
}

/** Whether the server does not know the session any more, or does not know the caller at all. */
export const isSessionOver = (error: unknown): error is ApiProblem =>
  error instanceof ApiProblem && error.status === 401
