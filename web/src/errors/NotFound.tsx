/** There is nothing at this address. */
import { paths } from "../paths"
import { LinkButton } from "../ui/Button"
import { EmptyState } from "../ui/feedback"
import { texts } from "../en"

export function NotFound({ inside }: { inside?: boolean }) {
  const said = (
    <EmptyState screen title={texts.problems.notFoundTitle} text={texts.problems.notFound}>
      <LinkButton href={paths.home}>{texts.problems.toOverview}</LinkButton>
    </EmptyState>
  )
  return inside ? said : <main className="content">{said}</main>
}
