import { TriangleAlert } from "lucide-react"
import { Button } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { formatProblem } from "./problemText"

/**
 * An error in place of content: what happened, what to do, and a button to try again where that can
 * help.
 */
export function ErrorMessage({
  error,
  retry,
  go = uiTexts.retry,
}: {
  error: unknown
  retry?: () => void
  go?: string
}) {
  const { what, advice } = formatProblem(error)
  return (
    <div className="error-box" role="alert">
      <TriangleAlert size={18} aria-hidden />
      <div>
        <p>{what}</p>
        {advice && <p className="soft">{advice}</p>}
      </div>
      {retry && (
        <Button small onClick={retry}>
          {go}
        </Button>
      )}
    </div>
  )
}
