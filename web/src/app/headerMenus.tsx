/**
 * The menus of the header: project, account, and the entries that do not fit into a phone's
 * navigation bar.
 */
import * as Ariakit from "@ariakit/react"
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { Check, ChevronsUpDown, CircleUser, Ellipsis } from "lucide-react"
import { type ReactNode, useState } from "react"
import { Link, useLocation } from "wouter"
import { api, setSession, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import { callerQuery } from "../api/session"
import { showProblem } from "../errors/showProblem"
import { formatImages } from "../images/en"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { projectsQuery } from "../projects/queries"
import { languageTexts, uiTexts } from "../ui/en"
import { LANGUAGE, LANGUAGES, setLanguage } from "../ui/language"
import { applyTheme, getTheme, type Theme } from "../ui/theme"
import { navigationTexts } from "./en"

/**
 * End the browser's session, also one that another tab started. Throws ApiProblem if the session
 * may still be active.
 */
async function endSession(lookAgain: () => Promise<unknown>): Promise<void> {
  const end = () => unwrap(api.POST("/api/v2/auth/sign-out"))
  const is = (error: unknown, status: number) =>
    error instanceof ApiProblem && error.status === status
  try {
    await end().catch(async (error: unknown) => {
      if (!is(error, 403)) throw error
      // The stored CSRF token belongs to an ended session: fetch the current one with the user.
      await lookAgain()
      await end()
    })
  } catch (error) {
    if (!is(error, 401)) throw error
  }
}

interface MoreItem {
  href: string
  title: string
  icon: ReactNode
  isCurrent: boolean
  /** The number of its objects that need attention. */
  needs: number
}

export function MoreMenu({ items }: { items: MoreItem[] }) {
  const needs = items.reduce((sum, item) => sum + item.needs, 0)
  return (
    <Ariakit.MenuProvider>
      <Ariakit.MenuButton
        className={items.some((item) => item.isCurrent) ? "more-button current" : "more-button"}
      >
        <Ellipsis size={17} aria-hidden />
        {navigationTexts.more}
        <AttentionCount needs={needs} />
      </Ariakit.MenuButton>
      <Ariakit.Menu className="menu" gutter={8} portal>
        {items.map((item) => (
          <Ariakit.MenuItem
            key={item.href}
            className="menu-item"
            render={<Link href={item.href} />}
          >
            {item.icon}
            {item.title}
            <AttentionCount needs={item.needs} />
          </Ariakit.MenuItem>
        ))}
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  )
}

function AttentionCount({ needs }: { needs: number }) {
  if (needs === 0) return null
  return (
    <span className="attention-count" title={navigationTexts.failing(needs)}>
      {needs}
    </span>
  )
}

export function ProjectSwitcher() {
  const project = useProject()
  const { data } = useQuery(projectsQuery)
  const { data: caller } = useQuery(callerQuery)
  return (
    <Ariakit.MenuProvider>
      <Ariakit.MenuButton
        className="project-button"
        aria-label={`${navigationTexts.projects}: ${project.name}`}
      >
        <span>{project.name}</span>
        <ChevronsUpDown size={14} aria-hidden />
      </Ariakit.MenuButton>
      <Ariakit.Menu className="menu" gutter={6} portal>
        {data?.results.map((one) => (
          <Ariakit.MenuItem
            key={one.id}
            className="menu-item"
            render={<Link href={paths.overview(one.id)} />}
          >
            {one.name}
            <span className="kind">
              {one.id === project.id ? (
                <Check size={14} aria-label={uiTexts.yes} />
              ) : (
                formatImages(one.images)
              )}
            </span>
          </Ariakit.MenuItem>
        ))}
        {caller?.can_create_projects !== false && <Ariakit.MenuSeparator className="menu-line" />}
        {caller?.can_create_projects !== false && (
          <Ariakit.MenuItem className="menu-item" render={<Link href={paths.newProject} />}>
            {navigationTexts.newProject}
          </Ariakit.MenuItem>
        )}
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  )
}

export function AccountMenu({ onKeys }: { onKeys: () => void }) {
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: caller } = useQuery(callerQuery)
  const project = useProject()
  const [chosen, setChosen] = useState<Theme>(getTheme)
  const t = navigationTexts
  const signOut = async () => {
    try {
      await endSession(() => client.fetchQuery({ ...callerQuery, staleTime: 0 }))
    } catch (error) {
      // The session may still be active and JavaScript cannot delete its cookie, so the page must
      // not appear signed out.
      showProblem(error)
      return
    }
    setSession(null)
    client.clear()
    go(paths.signIn)
  }
  const choose = (value: Theme) => {
    applyTheme(value)
    setChosen(value)
  }
  return (
    <Ariakit.MenuProvider placement="bottom-end">
      <Ariakit.MenuButton className="icon-button" aria-label={t.account}>
        <CircleUser size={20} />
      </Ariakit.MenuButton>
      <Ariakit.Menu className="menu" gutter={6} portal>
        <div className="menu-label">{caller?.name || caller?.email}</div>
        <Ariakit.MenuItem className="menu-item" render={<Link href={paths.account(project.id)} />}>
          {t.account}
        </Ariakit.MenuItem>
        <Ariakit.MenuItem className="menu-item" onClick={onKeys}>
          {t.keys}
          <span className="kind">
            <kbd>?</kbd>
          </span>
        </Ariakit.MenuItem>
        <Ariakit.MenuItem className="menu-item" render={<a href="/api/v2/docs" />}>
          {t.apiDocs}
        </Ariakit.MenuItem>
        <Ariakit.MenuSeparator className="menu-line" />
        <div className="menu-label">{t.theme}</div>
        {(["auto", "light", "dark"] as const).map((value) => (
          <Ariakit.MenuItem
            key={value}
            className="menu-item"
            hideOnClick={false}
            onClick={() => choose(value)}
          >
            {t.themes[value]}
            <span className="kind">
              {value === chosen && <Check size={14} aria-label={uiTexts.yes} />}
            </span>
          </Ariakit.MenuItem>
        ))}
        <Ariakit.MenuSeparator className="menu-line" />
        <div className="menu-label">{languageTexts.title}</div>
        {LANGUAGES.map(([language, name]) => (
          <Ariakit.MenuItem
            key={language}
            className="menu-item"
            lang={language}
            onClick={() => setLanguage(language)}
          >
            {name}
            <span className="kind">
              {language === LANGUAGE && <Check size={14} aria-label={uiTexts.yes} />}
            </span>
          </Ariakit.MenuItem>
        ))}
        <Ariakit.MenuSeparator className="menu-line" />
        <Ariakit.MenuItem className="menu-item" onClick={() => void signOut()}>
          {t.signOut}
        </Ariakit.MenuItem>
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  )
}
