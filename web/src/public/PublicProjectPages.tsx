/**
 * The public pages of a project, which need no account: overview, images, one image, and cameras.
 * They are read-only.
 */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { useMemo } from "react"
import { Link, Route, Switch, useLocation } from "wouter"
import { ApiProblem } from "../api/problems"
import { assignColours, ClassColours, useClassColour } from "../findings/classColours"
import { paths, withSearch } from "../paths"
import { LinkButton } from "../ui/Button"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { publicDeploymentsQuery, publicImagesQuery, publicProjectQuery } from "./queries"
import "./public.css"
import { Logo } from "../brand/Logo"
import { ErrorMessage } from "../errors/ErrorMessage"
import { errorTexts } from "../errors/en"
import { formatCount, formatEstimate } from "../ui/en"
import { LanguageSelect } from "../ui/LanguageSelect"
import { formatDay, formatExact } from "../ui/time"
import { publicTexts as t } from "./en"
import { ImageGrid, PublicImageList, PublicImageView } from "./PublicImages"
import { NO_FILTER, PublicProjectContext, usePublicProject, useTitle } from "./publicProjectContext"
import "../overview/overview.css"

export function PublicProjectPages({ id }: { id: string }) {
  const known = /^\d{1,18}$/.test(id)
  const {
    data: project,
    error,
    refetch,
  } = useQuery({ ...publicProjectQuery(Number(id)), enabled: known })
  const colours = useMemo(
    () => assignColours(project?.classes.map((one) => one.class_name) ?? []),
    [project],
  )
  const here = window.location.pathname
  if (!known || (error instanceof ApiProblem && error.status === 404)) {
    return (
      <main className="content">
        <EmptyState screen title={t.notFoundTitle} text={t.notFound}>
          <LinkButton href={paths.signIn}>{t.signIn}</LinkButton>
        </EmptyState>
      </main>
    )
  }
  if (error)
    return (
      <main className="content">
        <ErrorMessage error={error} retry={() => void refetch()} />
      </main>
    )
  if (!project)
    return (
      <main className="content">
        <SkeletonRows />
      </main>
    )
  return (
    <PublicProjectContext.Provider value={project}>
      <ClassColours.Provider value={colours}>
        <div className="visitor">
          <header className="visitor-top">
            <Logo href={paths.publicProject(project.id)} />
            <span className="visitor-name">{project.name}</span>
            <LinkButton
              small
              href={withSearch(paths.signIn, {
                to: here.replace(/^\/public\/(\d+).*/, "/projects/$1"),
              })}
            >
              {t.signIn}
            </LinkButton>
            <PublicTabs />
          </header>
          <p className="visitor-banner" role="note">
            {t.banner}
          </p>
          <main>
            <Switch>
              <Route path="/public/:project">
                <Overview />
              </Route>
              <Route path="/public/:project/images">
                <PublicImageList />
              </Route>
              <Route path="/public/:project/images/:image">
                {({ image }) => <PublicImageView key={image} id={image} />}
              </Route>
              <Route path="/public/:project/cameras">
                <DeploymentList />
              </Route>
              <Route>
                <EmptyState screen title={errorTexts.notFoundTitle} text={errorTexts.notFound} />
              </Route>
            </Switch>
          </main>
          <footer className="visitor-footer">
            <LanguageSelect />
          </footer>
        </div>
      </ClassColours.Provider>
    </PublicProjectContext.Provider>
  )
}

function PublicTabs() {
  const project = usePublicProject()
  const [path] = useLocation()
  const parts = [
    { href: paths.publicProject(project.id), text: t.overview },
    { href: paths.publicImages(project.id), text: t.images },
    { href: paths.publicCameras(project.id), text: t.deployments },
  ]
  return (
    <nav className="tabs" aria-label={t.main}>
      {parts.map((part, at) => (
        <Link
          key={part.href}
          className="tab"
          href={part.href}
          aria-current={
            (at === 0 ? path === part.href : path.startsWith(part.href)) ? "page" : undefined
          }
        >
          {part.text}
        </Link>
      ))}
    </nav>
  )
}

function Overview() {
  const classColour = useClassColour()
  const project = usePublicProject()
  useTitle(t.overview, project)
  const { data, error, refetch } = useInfiniteQuery(publicImagesQuery(project.id, NO_FILTER, 12))
  const images = data?.pages[0]?.results ?? []
  const most = Math.max(1, ...project.classes.map((one) => one.images))
  return (
    <>
      <div className="page-head">
        <h1>{project.name}</h1>
      </div>
      {project.description && <p className="lead">{project.description}</p>}
      <div className="figures">
        <Link href={paths.publicImages(project.id)}>
          <b>{formatEstimate(formatCount(project.images), project.images_is_estimate)}</b>{" "}
          {t.imageCount(project.images).replace(/^\S+ /, "")}
        </Link>
        <Link href={paths.publicCameras(project.id)}>
          <b>{formatCount(project.deployments)}</b>{" "}
          {t.cameraCount(project.deployments).replace(/^\S+ /, "")}
        </Link>
        {project.first_image_at && project.last_image_at && (
          <span>
            {t.since(formatDay(project.first_image_at), formatDay(project.last_image_at))}
          </span>
        )}
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {data && images.length === 0 && <EmptyState title={t.noneTitle} text={t.none} />}
      {images.length > 0 && (
        <section className="section">
          <div className="section-head">
            <h2>{t.newest}</h2>
            <Link href={paths.publicImages(project.id)}>{t.seeAll}</Link>
          </div>
          <ImageGrid images={images} />
        </section>
      )}
      {project.classes.length > 0 && (
        <section className="section" style={{ maxWidth: 720 }}>
          <div className="section-head">
            <h2>{t.found}</h2>
          </div>
          <div className="class-bars">
            {project.classes.slice(0, 12).map((one) => (
              <Link
                key={one.class_name}
                href={withSearch(paths.publicImages(project.id), { class: one.class_name })}
              >
                <i
                  style={{
                    width: `${(100 * one.images) / most}%`,
                    background: classColour(one.class_name),
                  }}
                />
                <span className="dot" style={{ background: classColour(one.class_name) }} />
                <span>{one.class_name}</span>
                <b>{formatCount(one.images)}</b>
              </Link>
            ))}
          </div>
        </section>
      )}
    </>
  )
}

function DeploymentList() {
  const project = usePublicProject()
  useTitle(t.deployments, project)
  const { data, error, refetch } = useQuery(publicDeploymentsQuery(project.id))
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{t.deployments}</h1>
      </div>
      <p className="soft">{t.placeWithheld}</p>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && <EmptyState title={t.noneTitle} text={t.none} />}
      <ul className="rows section">
        {data?.results.map((one) => (
          <li key={one.id}>
            <div className="row-head">
              <Link href={withSearch(paths.publicImages(project.id), { deployment: one.id })}>
                {t.camera(one.number)}
              </Link>
              <span className="soft">{t.imageCount(one.images)}</span>
            </div>
            {one.last_image_at && (
              <p className="soft small">
                {t.last}: {formatExact(one.last_image_at, one.time_zone)}
              </p>
            )}
          </li>
        ))}
      </ul>
    </div>
  )
}
