/** An error as a toast. */
import { showToast } from "../ui/Toasts"
import { formatProblem } from "./problemText"

/** Says why what the user did failed. */
export function showProblem(error: unknown): void {
  const { what, advice } = formatProblem(error)
  showToast(`${what} ${advice}`.trim(), true)
}
