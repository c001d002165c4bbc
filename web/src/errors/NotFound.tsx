import { paths } from "../paths"
import { LinkButton } from "../ui/Button"
import { EmptyState } from "../ui/feedback"
import { errorTexts } from "./en"

export function NotFound({ inside }: { inside?: boolean }) {
  const said = (
    <EmptyState screen title={errorTexts.notFoundTitle} text={errorTexts.notFound}>
      <LinkButton href={paths.home}>{errorTexts.toOverview}</LinkButton>
    </EmptyState>
  )
  return inside ? said : <main className="content">{said}</main>
}
