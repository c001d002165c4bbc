import { createContext, useContext, useEffect } from "react"
import type { PublicProject } from "../api/types"

export const PublicProjectContext = createContext<PublicProject | null>(null)

export function usePublicProject(): PublicProject {
  const project = useContext(PublicProjectContext)
  if (!project) throw new Error("a public screen outside of a public project")
  return project
}

export function useTitle(part: string, project: PublicProject): void {
  useEffect(() => {
    document.title = `${part} · ${project.name}`
  }, [part, project.name])
}

export const NO_FILTER = { deployment: "", class: "", order: "" }
