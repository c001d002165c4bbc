/** The project of the screen, and what the caller may do in it. */
import { createContext, useContext } from "react"
import type { Project } from "../api/types"

export const ProjectContext = createContext<Project | null>(null)

/** The project that all below it belongs to. */
export function useProject(): Project {
  const project = useContext(ProjectContext)
  if (!project) throw new Error("a screen of a project outside of a project")
  return project
}

/** Whether the caller may change things: managers and owners. */
export function canManage(project: Project): boolean {
  return project.role === "manager" || project.role === "owner"
}

/** Whether the caller may say what is on images, and mark them: everybody but viewers. */
export function canReview(project: Project): boolean {
  return project.role === "reviewer" || canManage(project)
}

/** Whether the caller may give roles, keep secrets and delete: owners. */
export function isOwner(project: Project): boolean {
  return project.role === "owner"
}
