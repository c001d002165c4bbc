/** The parts of the settings: of the project, of one's own account, and of everybody's for operators. */
import { useQuery } from "@tanstack/react-query"
import { Link } from "wouter"
import { askCaller } from "../api/queries"
import { paths } from "../paths"
import { words } from "../en"
import { peopleWords } from "../accounts/en"
import { isOwner, useProject } from "./project"

type Part = "settings" | "taxa" | "members" | "notices" | "account" | "people" | "audit"

export function SettingsTabs({ part }: { part: Part }) {
  const project = useProject()
  const { data: caller } = useQuery(askCaller)
  const w = words.settings
  const tabs: { part: Part; text: string; href: string; shown?: boolean }[] = [
    { part: "settings", text: w.general, href: paths.settings(project.id) },
    { part: "taxa", text: w.taxa, href: paths.taxa(project.id) },
    { part: "members", text: peopleWords.members, href: paths.members(project.id) },
    { part: "notices", text: w.notices, href: paths.notices(project.id) },
    { part: "audit", text: w.audit, href: paths.audit(project.id), shown: isOwner(project) },
    { part: "account", text: peopleWords.account, href: paths.account(project.id) },
    { part: "people", text: peopleWords.people, href: paths.people(project.id), shown: caller?.is_operator ?? false },
  ]
  return (
    <nav className="tabs" aria-label={w.title}>
      {tabs.filter((tab) => tab.shown ?? true).map((tab) => (
        <Link key={tab.part} className="tab" href={tab.href} aria-current={tab.part === part ? "page" : undefined}>{tab.text}</Link>
      ))}
    </nav>
  )
}
