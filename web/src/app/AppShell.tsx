/** The layout of every screen: header, navigation, and the shortcuts that work everywhere. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { Activity, CircleUser, Ellipsis } from "lucide-react"
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react"
import { Link, useLocation } from "wouter"
import { useChangeStream } from "../api/changeStream"
import type { Project } from "../api/types"
import { Logo } from "../brand/Logo"
import { getSavedPosition } from "../catalogue/savedPosition"
import { paths } from "../paths"
import { isVolunteer, useProject } from "../projects/projectContext"
import { ProgressBar } from "../queue/ProgressBar"
import { jobsQuery } from "../queue/queries"
import { sourcesQuery } from "../sources/queries"
import { isUnhealthy } from "../sources/statusTags"
import { useShortcuts } from "../ui/shortcuts"
import { navigationTexts } from "./en"
import { getHref, isShown, SCREENS } from "./screens"

// The menus load after the first content, because their library is a third of the page's code.
const menus = () => import("./headerMenus")
const ProjectSwitcher = lazy(() => menus().then((m) => ({ default: m.ProjectSwitcher })))
const Account = lazy(() => menus().then((m) => ({ default: m.AccountMenu })))
const MoreMenu = lazy(() => menus().then((m) => ({ default: m.MoreMenu })))
const OutboxStatus = lazy(() =>
  import("../review/OutboxStatus").then((m) => ({ default: m.OutboxStatus })),
)
const ShortcutHelp = lazy(() => import("./ShortcutHelp").then((m) => ({ default: m.ShortcutHelp })))
const Search = lazy(() => import("./GlobalSearch").then((m) => ({ default: m.GlobalSearch })))

export function AppShell({ children }: { children: ReactNode }) {
  const project = useProject()
  const live = useChangeStream(project.id)
  const [path, go] = useLocation()
  const [keysOpen, setKeysOpen] = useState(false)
  const search = useRef<HTMLInputElement>(null)
  const leader = useRef(0)
  const screens = SCREENS.filter((one) => isShown(one, project))
  const to = (target: string) => () => {
    if (Date.now() - leader.current < 1500) go(target)
  }
  useShortcuts({
    "?": () => setKeysOpen(true),
    "/": (event) => {
      event.preventDefault()
      search.current?.focus()
    },
    g: () => (leader.current = Date.now()),
    ...Object.fromEntries(
      screens.flatMap((one) => (one.shortcut ? [[one.shortcut, to(getHref(one, project))]] : [])),
    ),
  })
  // Dialogs use the same library: load it now, so that the first dialog opens without delay.
  useEffect(() => void import("../ui/DialogBox"), [])
  const screen = path.split("/").slice(0, 4).join("/")
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another screen
  useEffect(() => {
    if (!getSavedPosition()) window.scrollTo(0, 0)
  }, [screen])

  return (
    <div className="shell">
      <a className="skip" href="#content">
        {navigationTexts.skip}
      </a>
      <header className="top">
        <Logo href={paths.overview(project.id)} />
        <Suspense
          fallback={
            <span data-coming className="project-button">
              <span>{project.name}</span>
            </span>
          }
        >
          <ProjectSwitcher />
        </Suspense>
        <div className="top-right">
          <Suspense fallback={null}>
            <OutboxStatus />
          </Suspense>
          <RunningJobsLink />
          <Suspense fallback={<span data-coming className="search" />}>
            <Search ref={search} />
          </Suspense>
          <Suspense
            fallback={
              <span data-coming className="icon-button">
                <CircleUser size={20} aria-hidden />
              </span>
            }
          >
            <Account onKeys={() => setKeysOpen(true)} />
          </Suspense>
        </div>
      </header>
      <Rail live={live} />
      <main className="content" id="content" tabIndex={-1}>
        {project.archived_at && (
          <p className="note archived">
            {navigationTexts.archived}{" "}
            <Link href={paths.settings(project.id)}>{navigationTexts.archivedWhere}</Link>.
          </p>
        )}
        {children}
      </main>
      <Suspense fallback={null}>
        <ShortcutHelp open={keysOpen} onClose={() => setKeysOpen(false)} screens={screens} />
      </Suspense>
    </div>
  )
}

/** Volunteers start with their work. */
const FIRST_FOR_VOLUNTEERS = [paths.review, paths.images, paths.overview]

/** List the entries of the navigation for the role of the user. */
function listEntries(project: Project) {
  const entries = SCREENS.flatMap((screen) => {
    const { title, navigation } = screen
    if (!title || !navigation || !isShown(screen, project)) return []
    const href = getHref(screen, project)
    const starts = navigation.also ? [href, navigation.also(project.id)] : [href]
    return [{ ...navigation, title, path: screen.path, href, starts }]
  })
  if (!isVolunteer(project)) return entries
  const rank = (entry: (typeof entries)[number]) =>
    FIRST_FOR_VOLUNTEERS.indexOf(entry.path) + 1 || FIRST_FOR_VOLUNTEERS.length + 1
  return entries.sort((one, other) => rank(one) - rank(other))
}

function Rail({ live }: { live: boolean }) {
  const project = useProject()
  const [path] = useLocation()
  const { data: sources } = useQuery(sourcesQuery(project.id))
  const failing = sources?.results.filter((source) => isUnhealthy(source.health)).length ?? 0
  const t = navigationTexts
  const entries = listEntries(project).map(({ icon: Icon, ...entry }) => ({
    ...entry,
    icon: <Icon size={17} aria-hidden />,
    needs: entry.path === paths.sources ? failing : 0,
    isCurrent: entry.isExact
      ? path === entry.href
      : entry.starts.some((start) => path.startsWith(start)),
  }))
  return (
    <nav className="rail" aria-label={t.main}>
      {entries.map((entry) => (
        <Link
          key={entry.title}
          href={entry.href}
          className={[entry.inMore ? "in-more" : "", entry.isLast ? "rest" : ""].join(" ").trim()}
          aria-current={entry.isCurrent ? "page" : undefined}
        >
          {entry.icon}
          {entry.title}
          {entry.needs > 0 && (
            <span className="attention-count" title={t.failing(entry.needs)}>
              {entry.needs}
            </span>
          )}
        </Link>
      ))}
      <Suspense
        fallback={
          <span data-coming className="more-button">
            <Ellipsis size={17} aria-hidden />
            {t.more}
          </span>
        }
      >
        <MoreMenu items={entries.filter((entry) => entry.inMore)} />
      </Suspense>
      <div className="rail-foot" title={live ? undefined : t.notLive}>
        <span className={live ? "live-dot on" : "live-dot"} /> {live ? t.live : t.notLive}
      </div>
    </nav>
  )
}

function RunningJobsLink() {
  const project = useProject()
  const { data } = useInfiniteQuery(jobsQuery(project.id, "processing"))
  const jobs = (data?.pages[0]?.results ?? []).filter(
    (job) => !job.paused && !(job.automatic && job.progress.processing + job.progress.queued === 0),
  )
  const first = jobs[0]
  if (!first) return null
  return (
    <Link
      className="running-now"
      href={jobs.length === 1 ? paths.job(project.id, first.id) : paths.jobs(project.id)}
    >
      <Activity size={16} aria-hidden />
      <span className="running-text">{navigationTexts.running(jobs.length)}</span>
      <ProgressBar progress={first.progress} />
    </Link>
  )
}
