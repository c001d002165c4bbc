/**
 * The screens of a project. An entry is everything that the shell knows about a screen: its path, its
 * page, and its places in the navigation, the search and the keyboard shortcuts.
 */
import {
  Camera,
  ChartSpline,
  CheckCheck,
  Cpu,
  LayoutGrid,
  ListChecks,
  type LucideIcon,
  Package,
  Image as Picture,
  Rss,
  Settings,
  Users,
  Webhook,
} from "lucide-react"
import { lazy, type ReactNode } from "react"
import type { Project } from "../api/types"
import { paths, withSearch } from "../paths"
import { canManage, canReview, isVolunteer } from "../projects/projectContext"
import { navigationTexts as t } from "./en"

const overview = () => import("../overview/OverviewPage")
const images = () => import("../catalogue/ImagesPage")
const image = () => import("../viewer/ImagePage")
const review = () => import("../review/ReviewPage")

/** The screens that load while the page still requests the signed-in user, by their path. */
export const PRELOADED_SCREENS: [RegExp, () => Promise<unknown>][] = [
  [/^\/$|^\/projects\/\d+$/, overview],
  [/^\/projects\/\d+\/images$/, images],
  [/^\/projects\/\d+\/images\/./, image],
  [/^\/projects\/\d+\/review$/, review],
]

const OverviewPage = lazy(() => overview().then((m) => ({ default: m.OverviewPage })))
const ImagesPage = lazy(() => images().then((m) => ({ default: m.ImagesPage })))
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
const UsersPage = lazy(() =>
  import("../accounts/UsersPage").then((m) => ({ default: m.UsersPage })),
)
const SettingsPage = lazy(() =>
  import("../settings/SettingsPage").then((m) => ({ default: m.SettingsPage })),
)

type Id = number | string

interface Navigation {
  icon: LucideIcon
  /** Where the entry leads, if not to the screen itself. */
  href?: (project: Project) => string
  /** Another path of the same entry. */
  also?: (project: Id) => string
  /** Only the path itself is the entry, not the paths below it. */
  isExact?: boolean
  /** On a phone, the entry is in the menu "More". */
  inMore?: boolean
  /** Separates the entry from those above it. */
  isLast?: boolean
  isShown?: (project: Project) => boolean
}

export interface Screen {
  /** The path in a project; ":id" is the parameter that the page receives. */
  path: (project: Id) => string
  render: (id: string, project: Project) => ReactNode
  /** The name of the screen in the navigation, in the search and in the list of shortcuts. */
  title?: string
  navigation?: Navigation
  /** The key that opens the screen after "g". */
  shortcut?: string
  /** The screen fills the window, without header and navigation. */
  isFullWindow?: boolean
}

/** Volunteers work on the review sets that are assigned to them. */
const getReviewPath = (project: Project) =>
  isVolunteer(project)
    ? paths.reviewSets(project.id)
    : withSearch(paths.review(project.id), { reviewed: "false" })
const isStaff = (project: Project) => !isVolunteer(project)

/** Whether the user is shown a screen in the navigation, the search and the shortcuts. */
export const isShown = ({ navigation }: Pick<Screen, "navigation">, project: Project): boolean =>
  navigation?.isShown?.(project) !== false

/** The path that opens a screen. */
export const getHref = (
  { navigation, path }: Pick<Screen, "navigation" | "path">,
  project: Project,
): string => navigation?.href?.(project) ?? path(project.id)

/** All screens, in the order of the navigation. */
export const SCREENS: Screen[] = [
  {
    path: paths.overview,
    render: () => <OverviewPage />,
    title: t.overview,
    shortcut: "o",
    navigation: { icon: LayoutGrid, isExact: true },
  },
  {
    path: paths.images,
    render: () => <ImagesPage />,
    title: t.images,
    shortcut: "i",
    navigation: { icon: Picture },
  },
  {
    path: (project) => paths.image(project, ":id"),
    render: (id, project) => <ImagePage project={project.id} image={id} />,
    isFullWindow: true,
  },
  {
    path: paths.review,
    render: () => <ReviewPage />,
    title: t.review,
    shortcut: "v",
    isFullWindow: true,
    navigation: {
      icon: CheckCheck,
      href: getReviewPath,
      isShown: (project) => isVolunteer(project) || canReview(project),
    },
  },
  {
    path: paths.disagreement,
    render: () => <DisagreementPage />,
    title: t.disagreement,
  },
  {
    path: paths.sequences,
    render: () => <SequencesPage />,
    title: t.sequences,
  },
  {
    path: paths.insights,
    render: () => <InsightsPage />,
    title: t.insights,
    navigation: { icon: ChartSpline },
  },
  {
    path: (project) => paths.insights(project, ":id"),
    render: (id) => <InsightsPage part={id} />,
  },
  {
    path: paths.jobs,
    render: () => <JobsPage />,
    title: t.jobs,
    shortcut: "j",
    navigation: { icon: ListChecks, inMore: true },
  },
  {
    path: (project) => paths.job(project, ":id"),
    render: (id) => <JobPage job={Number(id)} />,
  },
  {
    path: paths.sources,
    render: () => <SourcesPage />,
    title: t.sources,
    shortcut: "s",
    navigation: { icon: Rss, inMore: true, isShown: isStaff },
  },
  {
    path: paths.newSource,
    render: () => <NewSourcePage />,
  },
  {
    path: (project) => paths.source(project, ":id"),
    render: (id) => <SourcePage key={id} id={id} />,
  },
  {
    path: paths.reviewSets,
    render: () => <ReviewSetsPage />,
    title: t.reviewSets,
    navigation: { icon: Users, inMore: true, isShown: canManage },
  },
  {
    path: paths.newReviewSet,
    render: () => <NewReviewSetPage />,
  },
  {
    path: (project) => paths.reviewSet(project, ":id"),
    render: (id) => <ReviewSetPage key={id} id={id} />,
  },
  {
    path: paths.deployments,
    render: () => <DeploymentsPage />,
    title: t.deployments,
    shortcut: "d",
    navigation: { icon: Camera, inMore: true },
  },
  {
    path: paths.newDeployment,
    render: () => <DeploymentsPage adding />,
  },
  {
    path: (project) => paths.deployment(project, ":id"),
    render: (id) => <DeploymentsPage editing={id} />,
  },
  {
    path: paths.exports,
    render: () => <ExportsPage />,
    title: t.exports,
    navigation: { icon: Package, inMore: true, also: paths.imports },
  },
  {
    path: paths.newExport,
    render: () => <NewExportPage />,
  },
  {
    path: (project) => paths.export(project, ":id"),
    render: (id) => <ExportPage key={id} id={id} />,
  },
  {
    path: paths.imports,
    render: () => <ImportsPage />,
    title: t.imports,
  },
  {
    path: paths.newImport,
    render: () => <NewImportPage />,
  },
  {
    path: (project) => paths.import(project, ":id"),
    render: (id) => <ImportPage key={id} id={id} />,
  },
  {
    path: paths.workers,
    render: () => <WorkersPage />,
    title: t.workers,
    shortcut: "w",
    navigation: { icon: Cpu, inMore: true, isLast: true, isShown: isStaff },
  },
  {
    path: paths.integrations,
    render: () => <IntegrationsPage part="keys" />,
    title: t.integrations,
    navigation: { icon: Webhook, inMore: true, isShown: isStaff },
  },
  {
    path: paths.signatureChecker,
    render: () => <IntegrationsPage part="check" />,
  },
  {
    path: paths.webhooks,
    render: () => <WebhooksPage />,
  },
  {
    path: (project) => paths.webhook(project, ":id"),
    render: (id) => <WebhookPage key={id} id={id} />,
  },
  {
    path: paths.presets,
    render: () => <PresetsPage />,
  },
  {
    path: paths.settings,
    render: () => <SettingsPage />,
    title: t.settings,
    navigation: { icon: Settings, inMore: true },
  },
  {
    path: paths.members,
    render: () => <MembersPage />,
  },
  {
    path: paths.account,
    render: () => <AccountPage />,
  },
  {
    path: paths.people,
    render: () => <UsersPage />,
  },
  {
    path: paths.notices,
    render: () => <NoticesPage />,
  },
  {
    path: paths.observationSettings,
    render: () => <ObservationSettingsPage />,
  },
  {
    path: paths.taxa,
    render: () => <TaxaPage />,
  },
  {
    path: paths.sensitiveTaxa,
    render: () => <SensitiveTaxaPage />,
  },
  {
    path: paths.audit,
    render: () => <AuditPage />,
  },
]
