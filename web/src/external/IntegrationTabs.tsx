/** The parts of what speaks with the project from outside. */
import { Link } from "wouter"
import { paths } from "../paths"
import { words } from "../en"
import { mayManage, useProject } from "../projects/project"

export function IntegrationTabs({ part }: { part: "keys" | "check" | "webhooks" | "presets" }) {
  const project = useProject()
  const w = words.integration
  const tabs = [
    { part: "keys", text: w.keys, href: paths.integrations(project.id) },
    { part: "check", text: w.checker, href: paths.signatureChecker(project.id) },
    { part: "webhooks", text: w.webhooks, href: paths.webhooks(project.id), managers: true },
    { part: "presets", text: w.presets, href: paths.presets(project.id) },
  ]
  return (
    <nav className="tabs" aria-label={w.title}>
      {tabs.filter((tab) => !tab.managers || mayManage(project)).map((tab) => (
        <Link key={tab.part} className="tab" href={tab.href} aria-current={tab.part === part ? "page" : undefined}>{tab.text}</Link>
      ))}
    </nav>
  )
}
