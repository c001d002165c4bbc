/** All paths of the page. */

type Id = number | string

/** Add the set values of `search` to `path` as query parameters. */
export function withSearch(
  path: string,
  search: Record<string, string | number | null | undefined>,
): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(search)) {
    if (value !== null && value !== undefined && value !== "") query.set(key, String(value))
  }
  const text = query.toString()
  return text ? `${path}?${text}` : path
}

export const paths = {
  home: "/",
  signIn: "/sign-in",
  oidcReturn: "/sign-in/oidc",
  forgotPassword: "/sign-in/forgot-password",
  welcome: "/welcome",
  newProject: "/projects/new",
  overview: (project: Id) => `/projects/${project}`,
  insights: (project: Id, part = "") => `/projects/${project}/insights${part ? `/${part}` : ""}`,
  images: (project: Id) => `/projects/${project}/images`,
  image: (project: Id, image: Id) => `/projects/${project}/images/${image}`,
  review: (project: Id) => `/projects/${project}/review`,
  reviewSets: (project: Id) => `/projects/${project}/review-sets`,
  newReviewSet: (project: Id) => `/projects/${project}/review-sets/new`,
  reviewSet: (project: Id, set: Id) => `/projects/${project}/review-sets/${set}`,
  disagreement: (project: Id) => `/projects/${project}/disagreement`,
  sequences: (project: Id) => `/projects/${project}/sequences`,
  jobs: (project: Id) => `/projects/${project}/jobs`,
  job: (project: Id, job: Id) => `/projects/${project}/jobs/${job}`,
  sources: (project: Id) => `/projects/${project}/sources`,
  newSource: (project: Id) => `/projects/${project}/sources/new`,
  source: (project: Id, source: Id) => `/projects/${project}/sources/${source}`,
  deployments: (project: Id) => `/projects/${project}/deployments`,
  newDeployment: (project: Id) => `/projects/${project}/deployments/new`,
  deployment: (project: Id, deployment: Id) => `/projects/${project}/deployments/${deployment}`,
  workers: (project: Id) => `/projects/${project}/workers`,
  integrations: (project: Id) => `/projects/${project}/integrations`,
  signatureChecker: (project: Id) => `/projects/${project}/integrations/check`,
  webhooks: (project: Id) => `/projects/${project}/integrations/webhooks`,
  webhook: (project: Id, webhook: Id) => `/projects/${project}/integrations/webhooks/${webhook}`,
  presets: (project: Id) => `/projects/${project}/integrations/presets`,
  exports: (project: Id) => `/projects/${project}/exports`,
  newExport: (project: Id) => `/projects/${project}/exports/new`,
  export: (project: Id, id: Id) => `/projects/${project}/exports/${id}`,
  imports: (project: Id) => `/projects/${project}/imports`,
  newImport: (project: Id) => `/projects/${project}/imports/new`,
  import: (project: Id, id: Id) => `/projects/${project}/imports/${id}`,
  settings: (project: Id) => `/projects/${project}/settings`,
  members: (project: Id) => `/projects/${project}/settings/members`,
  account: (project: Id) => `/projects/${project}/settings/account`,
  people: (project: Id) => `/projects/${project}/settings/people`,
  observationSettings: (project: Id) => `/projects/${project}/settings/observations`,
  taxa: (project: Id) => `/projects/${project}/settings/taxa`,
  sensitiveTaxa: (project: Id) => `/projects/${project}/settings/sensitive-taxa`,
  notices: (project: Id) => `/projects/${project}/settings/notices`,
  publicProject: (project: Id) => `/public/${project}`,
  publicImages: (project: Id) => `/public/${project}/images`,
  publicImage: (project: Id, image: Id) => `/public/${project}/images/${image}`,
  publicCameras: (project: Id) => `/public/${project}/cameras`,
  audit: (project: Id) => `/projects/${project}/settings/audit`,
}
