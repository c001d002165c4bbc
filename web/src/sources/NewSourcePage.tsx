/** Add a source: say where, test it, then add it. */
import { ChevronLeft } from "lucide-react"
import { useEffect } from "react"
import { Link, useLocation } from "wouter"
import { useProject } from "../projects/project"
import { SourceForm } from "./SourceForm"
import { paths } from "../paths"
import "./sources.css"
import { sourceWords } from "./en"

export function NewSourcePage() {
  const project = useProject()
  const [, go] = useLocation()
  useEffect(() => {
    document.title = `${sourceWords.add} · ${project.name}`
  }, [project.name])
  return (
    <div className="source-form">
      <Link href={paths.sources(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{sourceWords.title}</Link>
      <div className="page-head"><h1>{sourceWords.add}</h1></div>
      <SourceForm onDone={(source) => go(source ? paths.source(project.id, source.id) : paths.sources(project.id))} />
    </div>
  )
}
