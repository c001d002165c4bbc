/** There is nothing at this address. */
import { paths } from "../paths"
import { LinkButton } from "../ui/Button"
import { Empty } from "../ui/Notice"
import { words } from "../en"

export function NotFound({ inside }: { inside?: boolean }) {
  const said = (
    <Empty screen title={words.problems.notFoundTitle} text={words.problems.notFound}>
      <LinkButton href={paths.home}>{words.problems.toOverview}</LinkButton>
    </Empty>
  )
  return inside ? said : <main className="content">{said}</main>
}
