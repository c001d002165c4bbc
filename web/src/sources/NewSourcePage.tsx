/** The screen on which a source is tested and added. */
import { ChevronLeft } from "lucide-react"
import { useEffect } from "react"
import { Link, useLocation } from "wouter"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { SourceForm } from "./SourceForm"
import "./sources.css"
import { sourceTexts } from "./en"

export function NewSourcePage() {
  const project = useProject()
  const [, go] = useLocation()
  useEffect(() => {
    document.title = `${sourceTexts.add} · ${project.name}`
  }, [project.name])
  return (
    <div className="source-form">
      <Link href={paths.sources(project.id)} className="crumb">
        <ChevronLeft size={14} aria-hidden />
        {sourceTexts.title}
      </Link>
      <div className="page-head">
        <h1>{sourceTexts.add}</h1>
      </div>
      <SourceForm
        onDone={(source) =>
          go(source ? paths.source(project.id, source.id) : paths.sources(project.id))
        }
      />
    </div>
  )
}
