/** The current project, and the permissions of the user in it. */
import { createContext, useContext } from "react"
import type { Project } from "../api/types"

export const ProjectContext = createContext<Project | null>(null)

/** Return the current project. */
export function useProject(): Project {
  const project = useContext(ProjectContext)
  if (!project) throw new Error("a screen of a project outside of a project")
  return project
}

/** Whether the user can change things: managers and owners. */
export function canManage(project: Project): boolean {
  return project.role === "manager" || project.role === "owner"
}

/** Whether the user can identify and mark images: all roles except viewer. */
export function canReview(project: Project): boolean {
  return project.role === "reviewer" || canManage(project)
}

/** Whether the user only reviews: the navigation shows the review first. */
export function isVolunteer(project: Project): boolean {
  return project.role === "reviewer"
}

/** Whether the user can manage roles and secrets, and delete: owners. */
export function isOwner(project: Project): boolean {
  return project.role === "owner"
}
