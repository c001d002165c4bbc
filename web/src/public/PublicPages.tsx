/** A public project for anybody: its overview, images, one image, its cameras. Nothing here changes anything. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { ChevronLeft, ChevronRight } from "lucide-react"
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react"
import { Link, Route, Switch, useLocation } from "wouter"
import { ApiProblem } from "../api/problems"
import { askPublicDeployments, askPublicImage, askPublicImages, askPublicProject } from "./queries"
import type { PublicImage, PublicProject } from "../api/types"
import { assignColours, ClassColours, useClassColour } from "../findings/classes"
import { useSearch } from "../ui/search"
import { Mark } from "../app/Shell"
import { paths, withSearch } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Check } from "../ui/Field"
import { useKeys } from "../ui/keys"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "./public.css"
import { day, exact } from "../ui/time"
import { words } from "../en"
import { publicWords as w } from "./en"

const Visited = createContext<PublicProject | null>(null)
const ALL = { deployment: "", class: "", order: "" }

function useVisited(): PublicProject {
  const project = useContext(Visited)
  if (!project) throw new Error("a public screen outside of a public project")
  return project
}

export function PublicPages({ id }: { id: string }) {
  const known = /^\d{1,18}$/.test(id)
  const { data: project, error, refetch } = useQuery({ ...askPublicProject(Number(id)), enabled: known })
  const colours = useMemo(() => assignColours(project?.classes.map((one) => one.class_name) ?? []), [project])
  const here = window.location.pathname
  if (!known || (error instanceof ApiProblem && error.status === 404)) {
    return <main className="content"><Empty screen title={w.goneTitle} text={w.gone}><LinkButton href={paths.signIn}>{w.signIn}</LinkButton></Empty></main>
  }
  if (error) return <main className="content"><Trouble error={error} retry={() => void refetch()} /></main>
  if (!project) return <main className="content"><SkeletonRows /></main>
  return (
    <Visited.Provider value={project}><ClassColours.Provider value={colours}>
      <div className="visitor">
        <header className="visitor-top">
          <Mark href={paths.publicProject(project.id)} />
          <span className="visitor-name">{project.name}</span>
          <LinkButton small href={withSearch(paths.signIn, { to: here.replace(/^\/public\/(\d+).*/, "/projects/$1") })}>{w.signIn}</LinkButton>
          <Parts />
        </header>
        <p className="visitor-banner" role="note">{w.banner}</p>
        <main>
          <Switch>
            <Route path="/public/:project"><Overview /></Route>
            <Route path="/public/:project/images"><Images /></Route>
            <Route path="/public/:project/images/:image">{({ image }) => <OneImage key={image} id={image} />}</Route>
            <Route path="/public/:project/cameras"><Cameras /></Route>
            <Route><Empty screen title={words.problems.notFoundTitle} text={words.problems.notFound} /></Route>
          </Switch>
        </main>
      </div>
    </ClassColours.Provider></Visited.Provider>
  )
}

function Parts() {
  const project = useVisited()
  const [path] = useLocation()
  const parts = [
    { href: paths.publicProject(project.id), text: w.overview },
    { href: paths.publicImages(project.id), text: w.images },
    { href: paths.publicCameras(project.id), text: w.deployments },
  ]
  return (
    <nav className="tabs" aria-label={w.main}>
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
  const project = useVisited()
  useTitle(w.overview, project)
  const { data, error, refetch } = useInfiniteQuery(askPublicImages(project.id, ALL, 12))
  const images = data?.pages[0]?.results ?? []
  const most = Math.max(1, ...project.classes.map((one) => one.images))
  return (
    <>
      <div className="page-head"><h1>{project.name}</h1></div>
      {project.description && <p className="lead">{project.description}</p>}
      <div className="figures">
        <Link href={paths.publicImages(project.id)}><b>{words.about(words.count(project.images), project.images_is_estimate)}</b> {w.imageCount(project.images).replace(/^\S+ /, "")}</Link>
        <Link href={paths.publicCameras(project.id)}><b>{words.count(project.deployments)}</b> {w.cameraCount(project.deployments).replace(/^\S+ /, "")}</Link>
        {project.first_image_at && project.last_image_at && <span>{w.since(day(project.first_image_at), day(project.last_image_at))}</span>}
      </div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {data && images.length === 0 && <Empty title={w.noneTitle} text={w.none} />}
      {images.length > 0 && (
        <section className="section">
          <div className="section-head"><h2>{w.newest}</h2><Link href={paths.publicImages(project.id)}>{w.seeAll}</Link></div>
          <Pictures images={images} />
        </section>
      )}
      {project.classes.length > 0 && (
        <section className="section" style={{ maxWidth: 720 }}>
          <div className="section-head"><h2>{w.found}</h2></div>
          <div className="class-bars">
            {project.classes.slice(0, 12).map((one) => (
              <Link key={one.class_name} href={withSearch(paths.publicImages(project.id), { class: one.class_name })}>
                <i style={{ width: `${(100 * one.images) / most}%`, background: classColour(one.class_name) }} />
                <span className="dot" style={{ background: classColour(one.class_name) }} />
                <span>{one.class_name}</span>
                <b>{words.count(one.images)}</b>
              </Link>
            ))}
          </div>
        </section>
      )}
    </>
  )
}

function Images() {
  const project = useVisited()
  useTitle(w.images, project)
  const [search, setSearch] = useSearch()
  const filter = { deployment: search.get("deployment") ?? "", class: search.get("class") ?? "", order: search.get("order") ?? "" }
  const { data: cameras } = useQuery(askPublicDeployments(project.id))
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(askPublicImages(project.id, filter, 48))
  const images = data?.pages.flatMap((page) => page.results) ?? []
  const first = data?.pages[0]
  const set = (key: string, value: string) => setSearch((next) => (value ? next.set(key, value) : next.delete(key)), { replace: true })
  const choice = (key: keyof typeof filter) => ({
    className: filter[key] ? "input set" : "input", value: filter[key], onChange: (event: { target: { value: string } }) => set(key, event.target.value),
  })
  return (
    <>
      <div className="page-head">
        <h1>{w.images}</h1>
        {first && <span className="count">{words.about(words.count(first.count), first.count_is_estimate ?? false)}</span>}
      </div>
      <div className="filters open">
        <select aria-label={w.deployments} {...choice("deployment")}>
          <option value="">{w.anyCamera}</option>
          {cameras?.results.map((one) => <option key={one.id} value={one.id}>{w.camera(one.number)}</option>)}
        </select>
        <select aria-label={w.found} {...choice("class")}>
          <option value="">{w.anyClass}</option>
          {project.classes.map((one) => <option key={one.class_name} value={one.class_name}>{one.class_name}</option>)}
        </select>
        <select aria-label={w.newestFirst} {...choice("order")}>
          <option value="">{w.newestFirst}</option>
          <option value="captured_at">{w.oldestFirst}</option>
        </select>
      </div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={150} />}
      {data && images.length === 0 && <Empty title={w.noneTitle} text={filter.deployment || filter.class ? w.noneFiltered : w.none} />}
      <Pictures images={images} />
      {hasNextPage && <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{w.more}</Button>}
    </>
  )
}

function told(image: PublicImage): string {
  return `${image.classes.join(", ") || w.nothing} ${w.camera(image.deployment_number)}, ${exact(image.captured_at, image.time_zone)}`
}

/** The words below a picture. */
function sayTile(image: PublicImage): string {
  return [...image.classes, day(image.captured_at, image.time_zone)].join(", ")
}

function Pictures({ images }: { images: PublicImage[] }) {
  const project = useVisited()
  return (
    <ul className="pictures">
      {images.map((image) => (
        <li key={image.id}>
          <Link href={paths.publicImage(project.id, image.id)} aria-label={`${sayTile(image)}, ${w.camera(image.deployment_number)}, ${exact(image.captured_at, image.time_zone)}`}>
            <div className="tile-picture">
              <div style={{ aspectRatio: `${image.width} / ${image.height}` }}>
                <img src={image.thumbnail_url} alt="" loading="lazy" decoding="async" />
                <Boxes image={image} />
              </div>
            </div>
            <div className="tile-words"><span>{image.classes.join(", ")}</span> <span>{day(image.captured_at, image.time_zone)}</span></div>
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

function OneImage({ id }: { id: string }) {
  const classColour = useClassColour()
  const project = useVisited()
  useTitle(w.images, project)
  const [, go] = useLocation()
  const [boxes, setBoxes] = useState(true)
  const { data: image, error, refetch } = useQuery(askPublicImage(project.id, id))
  const step = (to: string | null | undefined) => () => {
    if (to) go(paths.publicImage(project.id, to))
  }
  useKeys({ ArrowLeft: step(image?.next_id), ArrowRight: step(image?.previous_id) })
  if (error instanceof ApiProblem && [404, 422].includes(error.status)) return <Empty screen title={w.goneImageTitle} text={w.goneImage} />
  if (error) return <Trouble error={error} retry={() => void refetch()} />
  if (!image) return <SkeletonRows rows={3} height={200} />
  const neighbour = (to: string | null, label: string, icon: ReactNode) => (
    <Button small disabled={!to} aria-label={label} title={label} onClick={step(to)}>{icon}</Button>
  )
  return (
    <>
      <div className="looked-head">
        <h1>{w.camera(image.deployment_number)}</h1>
        <Link href={paths.publicImages(project.id)}>{w.back}</Link>
        <span className="actions">
          <Check label={w.boxes} checked={boxes} onChange={(event) => setBoxes(event.target.checked)} />
          {neighbour(image.next_id, w.next, <ChevronLeft size={16} aria-hidden />)}
          {neighbour(image.previous_id, w.previous, <ChevronRight size={16} aria-hidden />)}
        </span>
      </div>
      <div className="looked" data-testid="public-picture" style={{ aspectRatio: `${image.width} / ${image.height}` }}>
        <img src={image.preview_url} alt={told(image)} />
        {boxes && <Boxes image={image} />}
      </div>
      <div className="looked-about">
        <p>{w.shows}: {image.classes.length === 0 ? w.nothing : image.classes.map((name) => <span key={name} className="tile-class"><span className="dot" style={{ background: classColour(name) }} />{name}</span>)}</p>
        <p className="soft">{w.taken}: {exact(image.captured_at, image.time_zone)}</p>
      </div>
    </>
  )
}

function Cameras() {
  const project = useVisited()
  useTitle(w.deployments, project)
  const { data, error, refetch } = useQuery(askPublicDeployments(project.id))
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.deployments}</h1></div>
      <p className="soft">{w.placeWithheld}</p>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && <Empty title={w.noneTitle} text={w.none} />}
      <ul className="lines section">
        {data?.results.map((one) => (
          <li key={one.id}>
            <div className="line-head">
              <Link href={withSearch(paths.publicImages(project.id), { deployment: one.id })}>{w.camera(one.number)}</Link>
              <span className="soft">{w.imageCount(one.images)}</span>
            </div>
            {one.last_image_at && <p className="soft small">{w.last}: {exact(one.last_image_at, one.time_zone)}</p>}
          </li>
        ))}
      </ul>
    </div>
  )
}
