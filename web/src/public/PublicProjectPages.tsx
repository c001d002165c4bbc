/** A public project for anybody: its overview, images, one image, its cameras. Nothing here changes anything. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { ChevronLeft, ChevronRight } from "lucide-react"
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react"
import { Link, Route, Switch, useLocation } from "wouter"
import { ApiProblem } from "../api/problems"
import { publicDeploymentsQuery, publicImageQuery, publicImagesQuery, publicProjectQuery } from "./queries"
import type { PublicImage, PublicProject } from "../api/types"
import { assignColours, ClassColours, useClassColour } from "../findings/classColours"
import { useUrlQuery } from "../ui/urlQuery"
import { paths, withSearch } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Check } from "../ui/Field"
import { useShortcuts } from "../ui/shortcuts"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import "./public.css"
import { formatDay, formatExact } from "../ui/time"
import { publicTexts as t } from "./en"
import { errorTexts } from "../errors/en";
import { formatEstimate, formatCount } from "../ui/en";
import { Logo } from "../brand/Logo";
import { ErrorMessage } from "../errors/ErrorMessage";

const PublicProjectContext = createContext<PublicProject | null>(null)
const MAX_ITEMS = { deployment: "", class: "", order: "" }

function usePublicProject(): PublicProject {
  const project = useContext(PublicProjectContext)
  if (!project) throw new Error("a public screen outside of a public project")
  return project
}

export function PublicProjectPages({ id }: { id: string }) {
  const known = /^\d{1,18}$/.test(id)
  const { data: project, error, refetch } = useQuery({ ...publicProjectQuery(Number(id)), enabled: known })
  const colours = useMemo(() => assignColours(project?.classes.map((one) => one.class_name) ?? []), [project])
  const here = window.location.pathname
  if (!known || (error instanceof ApiProblem && error.status === 404)) {
    return <main className="content"><EmptyState screen title={t.goneTitle} text={t.gone}><LinkButton href={paths.signIn}>{t.signIn}</LinkButton></EmptyState></main>
  }
  if (error) return <main className="content"><ErrorMessage error={error} retry={() => void refetch()} /></main>
  if (!project) return <main className="content"><SkeletonRows /></main>
  return (
    <PublicProjectContext.Provider value={project}><ClassColours.Provider value={colours}>
      <div className="visitor">
        <header className="visitor-top">
          <Logo href={paths.publicProject(project.id)} />
          <span className="visitor-name">{project.name}</span>
          <LinkButton small href={withSearch(paths.signIn, { to: here.replace(/^\/public\/(\d+).*/, "/projects/$1") })}>{t.signIn}</LinkButton>
          <PublicRoutes />
        </header>
        <p className="visitor-banner" role="note">{t.banner}</p>
        <main>
          <Switch>
            <Route path="/public/:project"><Overview /></Route>
            <Route path="/public/:project/images"><Images /></Route>
            <Route path="/public/:project/images/:image">{({ image }) => <ImageView key={image} id={image} />}</Route>
            <Route path="/public/:project/cameras"><DeploymentList /></Route>
            <Route><EmptyState screen title={errorTexts.notFoundTitle} text={errorTexts.notFound} /></Route>
          </Switch>
        </main>
      </div>
    </ClassColours.Provider></PublicProjectContext.Provider>
  )
}

function PublicRoutes() {
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
        <Link key={part.href} className="tab" href={part.href} aria-current={(at === 0 ? path === part.href : path.startsWith(part.href)) ? "page" : undefined}>{part.text}</Link>
      ))}
    </nav>
  )
}

function useTitle(part: string, project: PublicProject): void {
  useEffect(() => {
    document.title = `${part} · ${project.name}`
  }, [part, project.name])
}

function Overview() {
  const classColour = useClassColour()
  const project = usePublicProject()
  useTitle(t.overview, project)
  const { data, error, refetch } = useInfiniteQuery(publicImagesQuery(project.id, MAX_ITEMS, 12))
  const images = data?.pages[0]?.results ?? []
  const most = Math.max(1, ...project.classes.map((one) => one.images))
  return (
    <>
      <div className="page-head"><h1>{project.name}</h1></div>
      {project.description && <p className="lead">{project.description}</p>}
      <div className="figures">
        <Link href={paths.publicImages(project.id)}><b>{formatEstimate(formatCount(project.images), project.images_is_estimate)}</b> {t.imageCount(project.images).replace(/^\S+ /, "")}</Link>
        <Link href={paths.publicCameras(project.id)}><b>{formatCount(project.deployments)}</b> {t.cameraCount(project.deployments).replace(/^\S+ /, "")}</Link>
        {project.first_image_at && project.last_image_at && <span>{t.since(formatDay(project.first_image_at), formatDay(project.last_image_at))}</span>}
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {data && images.length === 0 && <EmptyState title={t.noneTitle} text={t.none} />}
      {images.length > 0 && (
        <section className="section">
          <div className="section-head"><h2>{t.newest}</h2><Link href={paths.publicImages(project.id)}>{t.seeAll}</Link></div>
          <ImageGrid images={images} />
        </section>
      )}
      {project.classes.length > 0 && (
        <section className="section" style={{ maxWidth: 720 }}>
          <div className="section-head"><h2>{t.found}</h2></div>
          <div className="class-bars">
            {project.classes.slice(0, 12).map((one) => (
              <Link key={one.class_name} href={withSearch(paths.publicImages(project.id), { class: one.class_name })}>
                <i style={{ width: `${(100 * one.images) / most}%`, background: classColour(one.class_name) }} />
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

function Images() {
  const project = usePublicProject()
  useTitle(t.images, project)
  const [search, setSearch] = useUrlQuery()
  const filter = { deployment: search.get("deployment") ?? "", class: search.get("class") ?? "", order: search.get("order") ?? "" }
  const { data: cameras } = useQuery(publicDeploymentsQuery(project.id))
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(publicImagesQuery(project.id, filter, 48))
  const images = data?.pages.flatMap((page) => page.results) ?? []
  const first = data?.pages[0]
  const set = (key: string, value: string) => setSearch((next) => (value ? next.set(key, value) : next.delete(key)), { replace: true })
  const choice = (key: keyof typeof filter) => ({
    className: filter[key] ? "input set" : "input", value: filter[key], onChange: (event: { target: { value: string } }) => set(key, event.target.value),
  })
  return (
    <>
      <div className="page-head">
        <h1>{t.images}</h1>
        {first && <span className="count">{formatEstimate(formatCount(first.count), first.count_is_estimate ?? false)}</span>}
      </div>
      <div className="filters open">
        <select aria-label={t.deployments} {...choice("deployment")}>
          <option value="">{t.anyCamera}</option>
          {cameras?.results.map((one) => <option key={one.id} value={one.id}>{t.camera(one.number)}</option>)}
        </select>
        <select aria-label={t.found} {...choice("class")}>
          <option value="">{t.anyClass}</option>
          {project.classes.map((one) => <option key={one.class_name} value={one.class_name}>{one.class_name}</option>)}
        </select>
        <select aria-label={t.newestFirst} {...choice("order")}>
          <option value="">{t.newestFirst}</option>
          <option value="captured_at">{t.oldestFirst}</option>
        </select>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={150} />}
      {data && images.length === 0 && <EmptyState title={t.noneTitle} text={filter.deployment || filter.class ? t.noneFiltered : t.none} />}
      <ImageGrid images={images} />
      {hasNextPage && <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{t.more}</Button>}
    </>
  )
}

function getImageDescription(image: PublicImage): string {
  return `${image.classes.join(", ") || t.nothing} ${t.camera(image.deployment_number)}, ${formatExact(image.captured_at, image.time_zone)}`
}

/** The words below a picture. */
function getTileText(image: PublicImage): string {
  return [...image.classes, formatDay(image.captured_at, image.time_zone)].join(", ")
}

function ImageGrid({ images }: { images: PublicImage[] }) {
  const project = usePublicProject()
  return (
    <ul className="pictures">
      {images.map((image) => (
        <li key={image.id}>
          <Link href={paths.publicImage(project.id, image.id)} aria-label={`${getTileText(image)}, ${t.camera(image.deployment_number)}, ${formatExact(image.captured_at, image.time_zone)}`}>
            <div className="tile-picture">
              <div style={{ aspectRatio: `${image.width} / ${image.height}` }}>
                <img src={image.thumbnail_url} alt="" loading="lazy" decoding="async" />
                <Boxes image={image} />
              </div>
            </div>
            <div className="tile-words"><span>{image.classes.join(", ")}</span> <span>{formatDay(image.captured_at, image.time_zone)}</span></div>
          </Link>
        </li>
      ))}
    </ul>
  )
}

function Boxes({ image }: { image: PublicImage }) {
  const classColour = useClassColour()
  return (
    <svg viewBox={`0 0 ${image.width} ${image.height}`} preserveAspectRatio="none" aria-hidden>
      {image.boxes.map((box) => {
        const place = { x: box.x_min, y: box.y_min, width: box.x_max - box.x_min, height: box.y_max - box.y_min, fill: "none", vectorEffect: "non-scaling-stroke" }
        return (
          <g key={box.id}>
            <rect {...place} stroke="#05080699" strokeWidth={4} />
            <rect {...place} stroke={classColour(box.class_name)} strokeWidth={2} data-class={box.class_name ?? ""} />
          </g>
        )
      })}
    </svg>
  )
}

function ImageView({ id }: { id: string }) {
  const classColour = useClassColour()
  const project = usePublicProject()
  useTitle(t.images, project)
  const [, go] = useLocation()
  const [boxes, setBoxes] = useState(true)
  const { data: image, error, refetch } = useQuery(publicImageQuery(project.id, id))
  const step = (to: string | null | undefined) => () => {
    if (to) go(paths.publicImage(project.id, to))
  }
  useShortcuts({ ArrowLeft: step(image?.next_id), ArrowRight: step(image?.previous_id) })
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <EmptyState screen title={t.goneImageTitle} text={t.goneImage} />
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!image) return <SkeletonRows rows={3} height={200} />
  const neighbour = (to: string | null, label: string, icon: ReactNode) => (
    <Button small disabled={!to} aria-label={label} title={label} onClick={step(to)}>{icon}</Button>
  )
  return (
    <>
      <div className="looked-head">
        <h1>{t.camera(image.deployment_number)}</h1>
        <Link href={paths.publicImages(project.id)}>{t.back}</Link>
        <span className="actions">
          <Check label={t.boxes} checked={boxes} onChange={(event) => setBoxes(event.target.checked)} />
          {neighbour(image.next_id, t.next, <ChevronLeft size={16} aria-hidden />)}
          {neighbour(image.previous_id, t.previous, <ChevronRight size={16} aria-hidden />)}
        </span>
      </div>
      <div className="looked" data-testid="public-picture" style={{ aspectRatio: `${image.width} / ${image.height}` }}>
        <img src={image.preview_url} alt={getImageDescription(image)} />
        {boxes && <Boxes image={image} />}
      </div>
      <div className="looked-about">
        <p>{t.shows}: {image.classes.length === 0 ? t.nothing : image.classes.map((name) => <span key={name} className="tile-class"><span className="dot" style={{ background: classColour(name) }} />{name}</span>)}</p>
        <p className="soft">{t.taken}: {formatExact(image.captured_at, image.time_zone)}</p>
      </div>
    </>
  )
}

function DeploymentList() {
  const project = usePublicProject()
  useTitle(t.deployments, project)
  const { data, error, refetch } = useQuery(publicDeploymentsQuery(project.id))
  return (
    <div className="narrow">
      <div className="page-head"><h1>{t.deployments}</h1></div>
      <p className="soft">{t.placeWithheld}</p>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && <EmptyState title={t.noneTitle} text={t.none} />}
      <ul className="lines section">
        {data?.results.map((one) => (
          <li key={one.id}>
            <div className="line-head">
              <Link href={withSearch(paths.publicImages(project.id), { deployment: one.id })}>{t.camera(one.number)}</Link>
              <span className="soft">{t.imageCount(one.images)}</span>
            </div>
            {one.last_image_at && <p className="soft small">{t.last}: {formatExact(one.last_image_at, one.time_zone)}</p>}
          </li>
        ))}
      </ul>
    </div>
  )
}
