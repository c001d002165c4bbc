/** The parts of a project's settings that the caller may see. */
import { Link } from "wouter"
import { paths } from "../paths"
import { words } from "../words/en"
import { isOwner, useProject } from "./project"

export function SettingsTabs({ part }: { part: "settings" | "notices" | "audit" }) {
  const project = useProject()
  const w = words.settings
  const tabs = [
    { part: "settings", text: w.general, href: paths.settings(project.id) },
    { part: "notices", text: w.notices, href: paths.notices(project.id) },
    { part: "audit", text: w.audit, href: paths.audit(project.id), owners: true },
  ]
  return (
    <nav className="tabs" aria-label={w.title}>
      {tabs.filter((tab) => !tab.owners || isOwner(project)).map((tab) => (
        <Link key={tab.part} className="tab" href={tab.href} aria-current={tab.part === part ? "page" : undefined}>{tab.text}</Link>
      ))}
    </nav>
  )
}
