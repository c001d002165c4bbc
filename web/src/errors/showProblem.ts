import { showToast } from "../ui/Toasts"
import { formatProblem } from "./problemText"

/** Show as a toast why an action of the user failed. */
export function showProblem(error: unknown): void {
  const { what, advice } = formatProblem(error)
  showToast(`${what} ${advice}`.trim(), true)
}
