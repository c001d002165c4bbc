import type { components } from "./schema"

type Problem = components["schemas"]["Problem"]

/** A failed request; `status` is 0 if there was no response. */
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

/** Whether the server no longer accepts the session, or the user is not signed in. */
export const isSessionOver = (error: unknown): error is ApiProblem =>
  error instanceof ApiProblem && error.status === 401
