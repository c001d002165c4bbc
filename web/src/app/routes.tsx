/** All screens with their paths. */
import { useQuery } from "@tanstack/react-query"
import { lazy, Suspense, useMemo } from "react"
import { Redirect, Route, Switch } from "wouter"
import { ApiProblem } from "../api/problems"
import { callerQuery } from "../api/session"
import { ErrorMessage } from "../errors/ErrorMessage"
import { NotFound } from "../errors/NotFound"
import { assignColours, ClassColours } from "../findings/classColours"
import { colouredClassesQuery } from "../images/queries"
import { paths, withSearch } from "../paths"
import { ProjectContext } from "../projects/projectContext"
import { projectQuery, projectsQuery } from "../projects/queries"
import { SkeletonRows } from "../ui/feedback"
import { AppShell } from "./AppShell"

const OidcReturnPage = lazy(() =>
  import("../accounts/OidcReturnPage").then((m) => ({ default: m.OidcReturnPage })),
)
const OutboxSender = lazy(() =>
  import("../review/useOutbox").then((m) => ({ default: m.OutboxSender })),
)
const overview = () => import("../overview/OverviewPage")
const images = () => import("../catalogue/ImagesPage")
const image = () => import("../viewer/ImagePage")
const review = () => import("../review/ReviewPage")
const signIn = () => import("../accounts/SignInPage")

/** The most visited screens load while the page still requests the signed-in user. */
const PRELOADED: [RegExp, () => Promise<unknown>][] = [
  [/^\/$|^\/projects\/\d+$/, overview],
  [/^\/projects\/\d+\/images$/, images],
  [/^\/projects\/\d+\/images\/./, image],
  [/^\/projects\/\d+\/review$/, review],
  [/^\/sign-in/, signIn],
]
// If this fails, the screen loads again when it is shown, and reports its error there.
PRELOADED.find(([address]) => address.test(window.location.pathname))?.[1]().catch(() => undefined)

const OverviewPage = lazy(() => overview().then((m) => ({ default: m.OverviewPage })))
const ImagesPage = lazy(() => images().then((m) => ({ default: m.ImagesPage })))
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
const InsightsPage = lazy(() =>
  import("../insights/InsightsPage").then((m) => ({ default: m.InsightsPage })),
)
const SequencesPage = lazy(() =>
  import("../catalogue/SequencesPage").then((m) => ({ default: m.SequencesPage })),
)
const DisagreementPage = lazy(() =>
  import("../disagreement/DisagreementPage").then((m) => ({ default: m.DisagreementPage })),
)
const ImagePage = lazy(() => image().then((m) => ({ default: m.ImagePage })))
const ReviewPage = lazy(() => review().then((m) => ({ default: m.ReviewPage })))
const ReviewSetsPage = lazy(() =>
  import("../reviewSets/ReviewSetsPage").then((m) => ({ default: m.ReviewSetsPage })),
)
const NewReviewSetPage = lazy(() =>
  import("../reviewSets/NewReviewSetPage").then((m) => ({ default: m.NewReviewSetPage })),
)
const ReviewSetPage = lazy(() =>
  import("../reviewSets/ReviewSetPage").then((m) => ({ default: m.ReviewSetPage })),
)
const JobsPage = lazy(() => import("../queue/JobsPage").then((m) => ({ default: m.JobsPage })))
const JobPage = lazy(() => import("../queue/JobPage").then((m) => ({ default: m.JobPage })))
const SourcesPage = lazy(() =>
  import("../sources/SourcesPage").then((m) => ({ default: m.SourcesPage })),
)
const SourcePage = lazy(() =>
  import("../sources/SourcePage").then((m) => ({ default: m.SourcePage })),
)
const NewSourcePage = lazy(() =>
  import("../sources/NewSourcePage").then((m) => ({ default: m.NewSourcePage })),
)
const DeploymentsPage = lazy(() =>
  import("../deployments/DeploymentsPage").then((m) => ({ default: m.DeploymentsPage })),
)
const WorkersPage = lazy(() =>
  import("../queue/WorkersPage").then((m) => ({ default: m.WorkersPage })),
)
const IntegrationsPage = lazy(() =>
  import("../external/IntegrationsPage").then((m) => ({ default: m.IntegrationsPage })),
)
const WebhooksPage = lazy(() =>
  import("../notifications/WebhooksPage").then((m) => ({ default: m.WebhooksPage })),
)
const WebhookPage = lazy(() =>
  import("../notifications/WebhookPage").then((m) => ({ default: m.WebhookPage })),
)
const PresetsPage = lazy(() =>
  import("../queue/PresetsPage").then((m) => ({ default: m.PresetsPage })),
)
const NoticesPage = lazy(() =>
  import("../notifications/NoticesPage").then((m) => ({ default: m.NoticesPage })),
)
const TaxaPage = lazy(() => import("../taxa/TaxaPage").then((m) => ({ default: m.TaxaPage })))
const SensitiveTaxaPage = lazy(() =>
  import("../taxa/SensitiveTaxaPage").then((m) => ({ default: m.SensitiveTaxaPage })),
)
const ObservationSettingsPage = lazy(() =>
  import("../observations/ObservationSettingsPage").then((m) => ({
    default: m.ObservationSettingsPage,
  })),
)
const ExportsPage = lazy(() =>
  import("../exports/ExportsPage").then((m) => ({ default: m.ExportsPage })),
)
const NewExportPage = lazy(() =>
  import("../exports/NewExportPage").then((m) => ({ default: m.NewExportPage })),
)
const ExportPage = lazy(() =>
  import("../exports/ExportPage").then((m) => ({ default: m.ExportPage })),
)
const ImportsPage = lazy(() =>
  import("../imports/ImportsPage").then((m) => ({ default: m.ImportsPage })),
)
const NewImportPage = lazy(() =>
  import("../imports/NewImportPage").then((m) => ({ default: m.NewImportPage })),
)
const ImportPage = lazy(() =>
  import("../imports/ImportPage").then((m) => ({ default: m.ImportPage })),
)
const AuditPage = lazy(() =>
  import("../settings/AuditPage").then((m) => ({ default: m.AuditPage })),
)
const MembersPage = lazy(() =>
  import("../projects/MembersPage").then((m) => ({ default: m.MembersPage })),
)
const AccountPage = lazy(() =>
  import("../accounts/AccountPage").then((m) => ({ default: m.AccountPage })),
)
const PeoplePage = lazy(() =>
  import("../accounts/UsersPage").then((m) => ({ default: m.UsersPage })),
)
const SettingsPage = lazy(() =>
  import("../settings/SettingsPage").then((m) => ({ default: m.SettingsPage })),
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
            <Route path="/projects/:project/images/:image">
              {({ image }) => <ImagePage project={project.id} image={image} />}
            </Route>
            <Route path="/projects/:project/review">
              <ReviewPage />
            </Route>
            <Route>
              <AppShell key={project.id}>
                <Suspense fallback={<SkeletonRows />}>
                  <ProjectScreens />
                </Suspense>
              </AppShell>
            </Route>
          </Switch>
        </Suspense>
      </ClassColours.Provider>
    </ProjectContext.Provider>
  )
}

function ProjectScreens() {
  return (
    <Switch>
      <Route path="/projects/:project">
        <OverviewPage />
      </Route>
      <Route path="/projects/:project/images">
        <ImagesPage />
      </Route>
      <Route path="/projects/:project/disagreement">
        <DisagreementPage />
      </Route>
      <Route path="/projects/:project/sequences">
        <SequencesPage />
      </Route>
      <Route path="/projects/:project/review-sets">
        <ReviewSetsPage />
      </Route>
      <Route path="/projects/:project/review-sets/new">
        <NewReviewSetPage />
      </Route>
      <Route path="/projects/:project/review-sets/:set">
        {({ set }) => <ReviewSetPage key={set} id={set} />}
      </Route>
      <Route path="/projects/:project/jobs">
        <JobsPage />
      </Route>
      <Route path="/projects/:project/jobs/:job">
        {({ job }) => <JobPage job={Number(job)} />}
      </Route>
      <Route path="/projects/:project/sources">
        <SourcesPage />
      </Route>
      <Route path="/projects/:project/sources/new">
        <NewSourcePage />
      </Route>
      <Route path="/projects/:project/sources/:source">
        {({ source }) => <SourcePage key={source} id={source} />}
      </Route>
      <Route path="/projects/:project/deployments">
        <DeploymentsPage />
      </Route>
      <Route path="/projects/:project/deployments/new">
        <DeploymentsPage adding />
      </Route>
      <Route path="/projects/:project/deployments/:deployment">
        {({ deployment }) => <DeploymentsPage editing={deployment} />}
      </Route>
      <Route path="/projects/:project/insights">
        <InsightsPage />
      </Route>
      <Route path="/projects/:project/insights/:part">
        {({ part }) => <InsightsPage part={part} />}
      </Route>
      <Route path="/projects/:project/workers">
        <WorkersPage />
      </Route>
      <Route path="/projects/:project/integrations">
        <IntegrationsPage part="keys" />
      </Route>
      <Route path="/projects/:project/integrations/check">
        <IntegrationsPage part="check" />
      </Route>
      <Route path="/projects/:project/integrations/webhooks">
        <WebhooksPage />
      </Route>
      <Route path="/projects/:project/integrations/webhooks/:webhook">
        {({ webhook }) => <WebhookPage key={webhook} id={webhook} />}
      </Route>
      <Route path="/projects/:project/integrations/presets">
        <PresetsPage />
      </Route>
      <Route path="/projects/:project/exports">
        <ExportsPage />
      </Route>
      <Route path="/projects/:project/exports/new">
        <NewExportPage />
      </Route>
      <Route path="/projects/:project/exports/:id">
        {({ id }) => <ExportPage key={id} id={id} />}
      </Route>
      <Route path="/projects/:project/imports">
        <ImportsPage />
      </Route>
      <Route path="/projects/:project/imports/new">
        <NewImportPage />
      </Route>
      <Route path="/projects/:project/imports/:id">
        {({ id }) => <ImportPage key={id} id={id} />}
      </Route>
      <Route path="/projects/:project/settings/members">
        <MembersPage />
      </Route>
      <Route path="/projects/:project/settings/account">
        <AccountPage />
      </Route>
      <Route path="/projects/:project/settings/people">
        <PeoplePage />
      </Route>
      <Route path="/projects/:project/settings/notices">
        <NoticesPage />
      </Route>
      <Route path="/projects/:project/settings/observations">
        <ObservationSettingsPage />
      </Route>
      <Route path="/projects/:project/settings/taxa">
        <TaxaPage />
      </Route>
      <Route path="/projects/:project/settings/sensitive-taxa">
        <SensitiveTaxaPage />
      </Route>
      <Route path="/projects/:project/settings/audit">
        <AuditPage />
      </Route>
      <Route path="/projects/:project/settings">
        <SettingsPage />
      </Route>
      <Route>
        <NotFound inside />
      </Route>
    </Switch>
  )
}
