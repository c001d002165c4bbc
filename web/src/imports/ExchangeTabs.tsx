/** What goes out and what comes in: the two parts of one screen. */
import { Link } from "wouter"
import { paths } from "../paths"
import { exportWords as w } from "../exports/en"
import { useProject } from "../projects/project"

export function ExchangeTabs({ part }: { part: "exports" | "imports" }) {
  const project = useProject()
  const tabs = [{ part: "exports", text: w.title, href: paths.exports(project.id) }, { part: "imports", text: w.imports, href: paths.imports(project.id) }]
  return (
    <nav className="tabs" aria-label={w.title}>
      {tabs.map((tab) => <Link key={tab.part} className="tab" href={tab.href} aria-current={tab.part === part ? "page" : undefined}>{tab.text}</Link>)}
    </nav>
  )
}
