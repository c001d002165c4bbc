import { Link } from "wouter"
import { paths } from "../paths"
import { showCurrentTab } from "../ui/currentTab"
import { integrationTabTexts } from "./en"
import { canManage, useProject } from "./projectContext"

export function IntegrationTabs({ part }: { part: "keys" | "check" | "webhooks" | "presets" }) {
  const project = useProject()
  const t = integrationTabTexts
  const tabs = [
    { part: "keys", text: t.keys, href: paths.integrations(project.id) },
    { part: "check", text: t.checker, href: paths.signatureChecker(project.id) },
    { part: "webhooks", text: t.webhooks, href: paths.webhooks(project.id), managers: true },
    { part: "presets", text: t.presets, href: paths.presets(project.id) },
  ]
  return (
    <nav className="tabs" aria-label={t.title} ref={showCurrentTab}>
      {tabs
        .filter((tab) => !tab.managers || canManage(project))
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
