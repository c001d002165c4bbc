import { Button } from "./Button"
import { uiTexts } from "./en"

interface MoreButtonProps {
  hasNextPage: boolean
  isFetchingNextPage: boolean
  fetchNextPage: () => unknown
}

/** Loads the next page of a list; shown only if there is one. */
export function MoreButton({ hasNextPage, isFetchingNextPage, fetchNextPage }: MoreButtonProps) {
  if (!hasNextPage) return null
  return (
    <div className="actions" style={{ marginTop: 12 }}>
      <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
        {uiTexts.more}
      </Button>
    </div>
  )
}
