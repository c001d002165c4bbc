/** The routes of the page: sign-in, public pages, and the screens of a project. */
import { useQuery } from "@tanstack/react-query"
import { lazy, Suspense, useMemo } from "react"
import { Redirect, Route, Switch } from "wouter"
import { ApiProblem } from "../api/problems"
import { callerQuery } from "../api/session"
import type { Project } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { NotFound } from "../errors/NotFound"
import { assignColours, ClassColours } from "../findings/classColours"
import { colouredClassesQuery } from "../images/queries"
import { paths, withSearch } from "../paths"
import { ProjectContext } from "../projects/projectContext"
import { projectQuery, projectsQuery } from "../projects/queries"
import { SkeletonRows } from "../ui/feedback"
import { AppShell } from "./AppShell"
import { PRELOADED_SCREENS, SCREENS, type Screen } from "./screens"

const OidcReturnPage = lazy(() =>
  import("../accounts/OidcReturnPage").then((m) => ({ default: m.OidcReturnPage })),
)
const OutboxSender = lazy(() =>
  import("../review/useOutbox").then((m) => ({ default: m.OutboxSender })),
)
const signIn = () => import("../accounts/SignInPage")

/** The most visited screens load while the page still requests the signed-in user. */
const PRELOADED: [RegExp, () => Promise<unknown>][] = [...PRELOADED_SCREENS, [/^\/sign-in/, signIn]]
// If this fails, the screen loads again when it is shown, and reports its error there.
PRELOADED.find(([address]) => address.test(window.location.pathname))?.[1]().catch(() => undefined)

const SignInPage = lazy(() => signIn().then((m) => ({ default: m.SignInPage })))
const ForgotPasswordPage = lazy(() =>
  import("../accounts/ForgotPasswordPage").then((m) => ({ default: m.ForgotPasswordPage })),
)
const WelcomePage = lazy(() =>
  import("../accounts/OneTimeLinkPage").then((m) => ({ default: m.OneTimeLinkPage })),
)
const NewProjectPage = lazy(() =>
  import("../projects/NewProjectPage").then((m) => ({ default: m.NewProjectPage })),
)
const PublicPages = lazy(() =>
  import("../public/PublicProjectPages").then((m) => ({ default: m.PublicProjectPages })),
)

export function Routes() {
  return (
    <Suspense fallback={null}>
      <Suspense fallback={null}>
        <OutboxSender />
      </Suspense>
      <Switch>
        <Route path={paths.signIn}>
          <SignInPage />
        </Route>
        <Route path={paths.forgotPassword}>
          <ForgotPasswordPage />
        </Route>
        <Route path={paths.oidcReturn}>
          <OidcReturnPage />
        </Route>
        <Route path={paths.welcome}>
          <WelcomePage />
        </Route>
        <Route path="/public/:project">{({ project }) => <PublicPages id={project} />}</Route>
        <Route path="/public/:project/*">{({ project }) => <PublicPages id={project} />}</Route>
        <Route>
          <SignedInRoutes />
        </Route>
      </Switch>
    </Suspense>
  )
}

function SignedInRoutes() {
  const { data: caller, error, refetch } = useQuery(callerQuery)
  if (error instanceof ApiProblem && error.status === 401) {
    const here = window.location.pathname + window.location.search
    return <Redirect to={withSearch(paths.signIn, { to: here === "/" ? null : here })} replace />
  }
  if (error)
    return (
      <div className="content">
        <ErrorMessage error={error} retry={() => void refetch()} />
      </div>
    )
  if (!caller) return null
  return (
    <Switch>
      <Route path={paths.home}>
        <HomeRedirect />
      </Route>
      <Route path={paths.newProject}>
        <NewProjectPage />
      </Route>
      <Route path="/projects/:project">{({ project }) => <ProjectRoutes id={project} />}</Route>
      <Route path="/projects/:project/*">{({ project }) => <ProjectRoutes id={project} />}</Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  )
}

const LAST_PROJECT_KEY = "trapline.project"

function HomeRedirect() {
  const { data, error, refetch } = useQuery(projectsQuery)
  if (error)
    return (
      <div className="content">
        <ErrorMessage error={error} retry={() => void refetch()} />
      </div>
    )
  if (!data) return null
  const last = Number(localStorage.getItem(LAST_PROJECT_KEY))
  const project = data.results.find((one) => one.id === last) ?? data.results[0]
  return <Redirect to={project ? paths.overview(project.id) : paths.newProject} replace />
}

function ProjectRoutes({ id }: { id: string }) {
  const known = /^\d{1,18}$/.test(id)
  const number = Number(id)
  const { data: project, error, refetch } = useQuery({ ...projectQuery(number), enabled: known })
  const { data: classes } = useQuery({ ...colouredClassesQuery(number), enabled: known })
  const colours = useMemo(
    () => assignColours(classes?.results.map((one) => one.class_name) ?? []),
    [classes],
  )
  if (!known || (error instanceof ApiProblem && error.status === 404)) return <NotFound />
  if (error)
    return (
      <div className="content">
        <ErrorMessage error={error} retry={() => void refetch()} />
      </div>
    )
  if (!project) return null
  localStorage.setItem(LAST_PROJECT_KEY, String(project.id))
  return (
    <ProjectContext.Provider value={project}>
      <ClassColours.Provider value={colours}>
        <Suspense fallback={null}>
          <Switch>
            {renderRoutes(
              SCREENS.filter((screen) => screen.isFullWindow),
              project,
            )}
            <Route>
              <AppShell key={project.id}>
                <Suspense fallback={<SkeletonRows />}>
                  <Switch>
                    {renderRoutes(
                      SCREENS.filter((screen) => !screen.isFullWindow),
                      project,
                    )}
                    <Route>
                      <NotFound inside />
                    </Route>
                  </Switch>
                </Suspense>
              </AppShell>
            </Route>
          </Switch>
        </Suspense>
      </ClassColours.Provider>
    </ProjectContext.Provider>
  )
}

// All routes have the same key: a page with several paths keeps its state when the path changes.
const renderRoutes = (screens: Screen[], project: Project) =>
  screens.map((screen) => (
    <Route key="screen" path={screen.path(":project")}>
      {(params: { id?: string }) => screen.render(params.id ?? "", project)}
    </Route>
  ))
