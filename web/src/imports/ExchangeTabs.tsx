/** The tabs for exports and imports. */
import { Link } from "wouter"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { exchangeTexts as t } from "./en"

export function ExchangeTabs({ part }: { part: "exports" | "imports" }) {
  const project = useProject()
  const tabs = [
    { part: "exports", text: t.exports, href: paths.exports(project.id) },
    { part: "imports", text: t.imports, href: paths.imports(project.id) },
  ]
  return (
    <nav className="tabs" aria-label={t.exports}>
      {tabs.map((tab) => (
        <Link
          key={tab.part}
          className="tab"
          href={tab.href}
          aria-current={tab.part === part ? "page" : undefined}
        >
          {tab.text}
        </Link>
      ))}
    </nav>
  )
}
