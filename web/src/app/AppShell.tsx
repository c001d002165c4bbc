/** The layout of every screen: header, navigation, and the shortcuts that work everywhere. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import {
  Activity,
  Camera,
  ChartSpline,
  CheckCheck,
  CircleUser,
  Cpu,
  Ellipsis,
  LayoutGrid,
  ListChecks,
  Package,
  Image as Picture,
  Rss,
  Settings,
  Users,
  Webhook,
} from "lucide-react"
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react"
import { Link, useLocation } from "wouter"
import { useChangeStream } from "../api/changeStream"
import { Logo } from "../brand/Logo"
import { getSavedPosition } from "../catalogue/savedPosition"
import { paths, withSearch } from "../paths"
import { canManage, canReview, isVolunteer, useProject } from "../projects/projectContext"
import { ProgressBar } from "../queue/ProgressBar"
import { jobsQuery } from "../queue/queries"
import { sourcesQuery } from "../sources/queries"
import { isUnhealthy } from "../sources/statusTags"
import { useShortcuts } from "../ui/shortcuts"
import { navigationTexts } from "./en"

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
    o: to(paths.overview(project.id)),
    i: to(paths.images(project.id)),
    v: to(withSearch(paths.review(project.id), { reviewed: "false" })),
    j: to(paths.jobs(project.id)),
    s: to(paths.sources(project.id)),
    d: to(paths.deployments(project.id)),
    w: to(paths.workers(project.id)),
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
        <ShortcutHelp open={keysOpen} onClose={() => setKeysOpen(false)} />
      </Suspense>
    </div>
  )
}

interface RailItem {
  href: string
  text: string
  icon: ReactNode
  exact?: boolean
  /** Another path of the same entry. */
  also?: string
  /** Number of things that need attention. */
  needs?: number
  inMore?: boolean
  rest?: boolean
}

function Rail({ live }: { live: boolean }) {
  const project = useProject()
  const [path] = useLocation()
  const { data: sources } = useQuery(sourcesQuery(project.id))
  const failing = sources?.results.filter((source) => isUnhealthy(source.health)).length ?? 0
  const t = navigationTexts
  const volunteers = isVolunteer(project)
  const overview = {
    href: paths.overview(project.id),
    text: t.overview,
    icon: <LayoutGrid size={17} aria-hidden />,
    exact: true,
  }
  const images = {
    href: paths.images(project.id),
    text: t.images,
    icon: <Picture size={17} aria-hidden />,
  }
  const review = {
    // Volunteers work on the sets that are assigned to them.
    href: volunteers
      ? paths.reviewSets(project.id)
      : withSearch(paths.review(project.id), { reviewed: "false" }),
    text: t.review,
    icon: <CheckCheck size={17} aria-hidden />,
  }
  const items: RailItem[] = [
    ...(volunteers
      ? [review, images, overview]
      : [overview, images, ...(canReview(project) ? [review] : [])]),
    {
      href: paths.insights(project.id),
      text: t.insights,
      icon: <ChartSpline size={17} aria-hidden />,
    },
    { href: paths.jobs(project.id), text: t.jobs, icon: <ListChecks size={17} aria-hidden /> },
    ...(volunteers
      ? []
      : [
          {
            href: paths.sources(project.id),
            text: t.sources,
            icon: <Rss size={17} aria-hidden />,
            needs: failing,
          },
        ]),
    ...(canManage(project)
      ? [
          {
            href: paths.reviewSets(project.id),
            text: t.reviewSets,
            icon: <Users size={17} aria-hidden />,
            inMore: true,
          },
        ]
      : []),
    {
      href: paths.deployments(project.id),
      text: t.deployments,
      icon: <Camera size={17} aria-hidden />,
      inMore: true,
    },
    {
      href: paths.exports(project.id),
      text: t.exports,
      icon: <Package size={17} aria-hidden />,
      inMore: true,
      also: paths.imports(project.id),
    },
    ...(volunteers
      ? []
      : [
          {
            href: paths.workers(project.id),
            text: t.workers,
            icon: <Cpu size={17} aria-hidden />,
            inMore: true,
            rest: true,
          },
          {
            href: paths.integrations(project.id),
            text: t.integrations,
            icon: <Webhook size={17} aria-hidden />,
            inMore: true,
          },
        ]),
    {
      href: paths.settings(project.id),
      text: t.settings,
      icon: <Settings size={17} aria-hidden />,
      inMore: true,
    },
  ]
  return (
    <nav className="rail" aria-label={t.main}>
      {items.map((item) => (
        <Link
          key={item.href}
          href={item.href}
          className={[item.inMore ? "in-more" : "", item.rest ? "rest" : ""].join(" ").trim()}
          aria-current={
            (
              item.exact
                ? path === item.href
                : [item.href, item.also ?? item.href].some((start) => path.startsWith(start))
            )
              ? "page"
              : undefined
          }
        >
          {item.icon}
          {item.text}
          {item.needs ? (
            <span className="attention-count" title={navigationTexts.failing(item.needs)}>
              {item.needs}
            </span>
          ) : null}
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
        <MoreMenu items={items.filter((item) => item.inMore)} />
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
