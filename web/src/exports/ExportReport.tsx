/** The report of an export: errors, corrections and omissions, each with its place. */
import { useState } from "react"
import { Link } from "wouter"
import type { ExportProblem } from "../api/types"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { exportTexts as t } from "./en"

const FEW = 12

interface ExportReportProps {
  title: string
  text?: string
  found: ExportProblem[]
}

export function ExportReport({ title, text, found }: ExportReportProps) {
  const project = useProject()
  const [all, setAll] = useState(false)
  if (found.length === 0) return null
  const shown = all ? found : found.slice(0, FEW)
  return (
    <section className="section" aria-label={title}>
      <h2>{title}</h2>
      {text && <p className="soft report-text">{text}</p>}
      <ul className="report">
        {shown.map((one, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: items have no ID and do not move
          <li key={place}>
            {one.deployment_id && (
              <Link className="report-place" href={paths.deployment(project.id, one.deployment_id)}>
                {one.deployment ?? t.deletedDeployment}
              </Link>
            )}
            <span>
              {one.what}
              {one.count > 1 && <span className="faint nowrap"> {t.times(one.count)}</span>}
            </span>
          </li>
        ))}
      </ul>
      {shown.length < found.length && (
        <div className="actions">
          <span className="faint">{t.more(found.length - shown.length)}</span>
          <Button small onClick={() => setAll(true)}>
            {t.showAll}
          </Button>
        </div>
      )}
    </section>
  )
}
