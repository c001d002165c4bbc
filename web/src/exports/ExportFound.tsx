/** What is wrong with an export, what was set right and what was left out: sentences, each with the place it is about. */
import { useState } from "react"
import { Link } from "wouter"
import type { ExportProblem } from "../api/types"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { exportWords as w } from "./en"
import { useProject } from "../projects/project"

const FEW = 12

interface ExportFoundProps {
  title: string
  text?: string
  found: ExportProblem[]
}

export function ExportFound({ title, text, found }: ExportFoundProps) {
  const project = useProject()
  const [all, setAll] = useState(false)
  if (found.length === 0) return null
  const shown = all ? found : found.slice(0, FEW)
  return (
    <section className="section" aria-label={title}>
      <h2>{title}</h2>
      {text && <p className="soft found-text">{text}</p>}
      <ul className="found">
        {shown.map((one, place) => (
          <li key={place}>
            {one.deployment_id && <Link className="found-where" href={paths.deployment(project.id, one.deployment_id)}>{one.deployment ?? w.gone}</Link>}
            <span>{one.what}{one.count > 1 && <span className="faint nowrap"> {w.times(one.count)}</span>}</span>
          </li>
        ))}
      </ul>
      {shown.length < found.length && <div className="actions"><span className="faint">{w.more(found.length - shown.length)}</span><Button small onClick={() => setAll(true)}>{w.showAll}</Button></div>}
    </section>
  )
}
