/** Add a source: say where, test it, then add it. */
import { ChevronLeft } from "lucide-react"
import { useEffect } from "react"
import { Link, useLocation } from "wouter"
import { useProject } from "../components/project"
import { SourceForm } from "../components/SourceForm"
import { paths } from "../paths"
import { words } from "../words/en"

export function NewSourcePage() {
  const project = useProject()
  const [, go] = useLocation()
  useEffect(() => {
    document.title = `${words.source.add} · ${project.name}`
  }, [project.name])
  return (
    <div style={{ maxWidth: 640 }}>
      <Link href={paths.sources(project.id)} className="crumb"><ChevronLeft size={14} aria-hidden />{words.source.title}</Link>
      <div className="page-head"><h1>{words.source.add}</h1></div>
      <SourceForm onDone={(source) => go(source ? paths.source(project.id, source.id) : paths.sources(project.id))} />
    </div>
  )
}
