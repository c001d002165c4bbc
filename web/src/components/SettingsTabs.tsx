/** The parts of a project's settings, for whom there is more than one. */
import { Link } from "wouter"
import { paths } from "../paths"
import { words } from "../words/en"
import { isOwner, useProject } from "./project"

export function SettingsTabs({ part }: { part: "settings" | "audit" }) {
  const project = useProject()
  const w = words.settings
  if (!isOwner(project)) return null
  const tabs = [
    { part: "settings", text: w.general, href: paths.settings(project.id) },
    { part: "audit", text: w.audit, href: paths.audit(project.id) },
  ]
  return (
    <nav className="tabs" aria-label={w.title}>
      {tabs.map((tab) => <Link key={tab.part} className="tab" href={tab.href} aria-current={tab.part === part ? "page" : undefined}>{tab.text}</Link>)}
    </nav>
  )
}
