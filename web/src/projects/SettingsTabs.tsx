/** The tabs of the settings: project, own account, and for operators all users. */

import { useQuery } from "@tanstack/react-query"
import { Link } from "wouter"
import { callerQuery } from "../api/session"
import { paths } from "../paths"
import { showCurrentTab } from "../ui/currentTab"
import { settingsTexts } from "./en"
import { isOwner, useProject } from "./projectContext"

type Part =
  | "settings"
  | "observations"
  | "taxa"
  | "sensitive-taxa"
  | "members"
  | "notices"
  | "account"
  | "people"
  | "audit"

export function SettingsTabs({ part }: { part: Part }) {
  const project = useProject()
  const { data: caller } = useQuery(callerQuery)
  const t = settingsTexts
  const tabs: { part: Part; text: string; href: string; shown?: boolean }[] = [
    { part: "settings", text: t.general, href: paths.settings(project.id) },
    { part: "observations", text: t.observations, href: paths.observationSettings(project.id) },
    { part: "taxa", text: t.taxa, href: paths.taxa(project.id) },
    { part: "sensitive-taxa", text: t.sensitiveTaxa, href: paths.sensitiveTaxa(project.id) },
    { part: "members", text: settingsTexts.members, href: paths.members(project.id) },
    { part: "notices", text: t.notices, href: paths.notices(project.id) },
    { part: "audit", text: t.audit, href: paths.audit(project.id), shown: isOwner(project) },
    { part: "account", text: settingsTexts.account, href: paths.account(project.id) },
    {
      part: "people",
      text: settingsTexts.people,
      href: paths.people(project.id),
      shown: caller?.is_operator ?? false,
    },
  ]
  return (
    <nav className="tabs" aria-label={t.title} ref={showCurrentTab}>
      {tabs
        .filter((tab) => tab.shown ?? true)
        .map((tab) => (
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
