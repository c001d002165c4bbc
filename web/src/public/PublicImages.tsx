/** The images of a public project as a grid, and one of them. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { ChevronLeft, ChevronRight } from "lucide-react"
import type { ReactNode } from "react"
import { useState } from "react"
import { Link, useLocation } from "wouter"
import { ApiProblem } from "../api/problems"
import type { PublicImage } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useClassColour } from "../findings/classColours"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { formatCount, formatEstimate } from "../ui/en"
import { Check } from "../ui/Field"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { useShortcuts } from "../ui/shortcuts"
import { formatDay, formatExact } from "../ui/time"
import { useUrlQuery } from "../ui/urlQuery"
import { publicTexts as t } from "./en"
import { usePublicProject, useTitle } from "./publicProjectContext"
import { publicDeploymentsQuery, publicImageQuery, publicImagesQuery } from "./queries"

export function PublicImageList() {
  const project = usePublicProject()
  useTitle(t.images, project)
  const [search, setSearch] = useUrlQuery()
  const filter = {
    deployment: search.get("deployment") ?? "",
    class: search.get("class") ?? "",
    order: search.get("order") ?? "",
  }
  const { data: cameras } = useQuery(publicDeploymentsQuery(project.id))
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(
    publicImagesQuery(project.id, filter, 48),
  )
  const images = data?.pages.flatMap((page) => page.results) ?? []
  const first = data?.pages[0]
  const set = (key: string, value: string) =>
    setSearch((next) => (value ? next.set(key, value) : next.delete(key)), { replace: true })
  const choice = (key: keyof typeof filter) => ({
    className: filter[key] ? "input set" : "input",
    value: filter[key],
    onChange: (event: { target: { value: string } }) => set(key, event.target.value),
  })
  return (
    <>
      <div className="page-head">
        <h1>{t.images}</h1>
        {first && (
          <span className="count">
            {formatEstimate(formatCount(first.count), first.count_is_estimate ?? false)}
          </span>
        )}
      </div>
      <div className="filters open">
        <select aria-label={t.deployments} {...choice("deployment")}>
          <option value="">{t.anyCamera}</option>
          {cameras?.results.map((one) => (
            <option key={one.id} value={one.id}>
              {t.camera(one.number)}
            </option>
          ))}
        </select>
        <select aria-label={t.found} {...choice("class")}>
          <option value="">{t.anyClass}</option>
          {project.classes.map((one) => (
            <option key={one.class_name} value={one.class_name}>
              {one.class_name}
            </option>
          ))}
        </select>
        <select aria-label={t.newestFirst} {...choice("order")}>
          <option value="">{t.newestFirst}</option>
          <option value="captured_at">{t.oldestFirst}</option>
        </select>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={150} />}
      {data && images.length === 0 && (
        <EmptyState
          title={t.noneTitle}
          text={filter.deployment || filter.class ? t.noneFiltered : t.none}
        />
      )}
      <ImageGrid images={images} />
      {hasNextPage && (
        <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t.more}
        </Button>
      )}
    </>
  )
}

function getImageDescription(image: PublicImage): string {
  return `${image.classes.join(", ") || t.nothing} ${t.camera(image.deployment_number)}, ${formatExact(image.captured_at, image.time_zone)}`
}

/** The caption of an image. */
function getTileText(image: PublicImage): string {
  return [...image.classes, formatDay(image.captured_at, image.time_zone)].join(", ")
}

export function ImageGrid({ images }: { images: PublicImage[] }) {
  const project = usePublicProject()
  return (
    <ul className="public-grid">
      {images.map((image) => (
        <li key={image.id}>
          <Link
            href={paths.publicImage(project.id, image.id)}
            aria-label={`${getTileText(image)}, ${t.camera(image.deployment_number)}, ${formatExact(image.captured_at, image.time_zone)}`}
          >
            <div className="tile-image">
              <div style={{ aspectRatio: `${image.width} / ${image.height}` }}>
                <img src={image.thumbnail_url} alt="" loading="lazy" decoding="async" />
                <PublicBoxes image={image} />
              </div>
            </div>
            <div className="tile-caption">
              <span>{image.classes.join(", ")}</span>{" "}
              <span>{formatDay(image.captured_at, image.time_zone)}</span>
            </div>
          </Link>
        </li>
      ))}
    </ul>
  )
}

export function PublicBoxes({ image }: { image: PublicImage }) {
  const classColour = useClassColour()
  return (
    <svg viewBox={`0 0 ${image.width} ${image.height}`} preserveAspectRatio="none" aria-hidden>
      {image.boxes.map((box) => {
        const place = {
          x: box.x_min,
          y: box.y_min,
          width: box.x_max - box.x_min,
          height: box.y_max - box.y_min,
          fill: "none",
          vectorEffect: "non-scaling-stroke",
        }
        return (
          <g key={box.id}>
            <rect {...place} stroke="#05080699" strokeWidth={4} />
            <rect
              {...place}
              stroke={classColour(box.class_name)}
              strokeWidth={2}
              data-class={box.class_name ?? ""}
            />
          </g>
        )
      })}
    </svg>
  )
}

export function PublicImageView({ id }: { id: string }) {
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
  if (error instanceof ApiProblem && [404, 422].includes(error.status))
    return <EmptyState screen title={t.imageNotFoundTitle} text={t.imageNotFound} />
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!image) return <SkeletonRows rows={3} height={200} />
  const neighbour = (to: string | null, label: string, icon: ReactNode) => (
    <Button small disabled={!to} aria-label={label} title={label} onClick={step(to)}>
      {icon}
    </Button>
  )
  return (
    <>
      <div className="public-image-head">
        <h1>{t.camera(image.deployment_number)}</h1>
        <Link href={paths.publicImages(project.id)}>{t.back}</Link>
        <span className="actions">
          <Check
            label={t.boxes}
            checked={boxes}
            onChange={(event) => setBoxes(event.target.checked)}
          />
          {neighbour(image.next_id, t.next, <ChevronLeft size={16} aria-hidden />)}
          {neighbour(image.previous_id, t.previous, <ChevronRight size={16} aria-hidden />)}
        </span>
      </div>
      <div
        className="public-image"
        data-testid="public-picture"
        style={{ aspectRatio: `${image.width} / ${image.height}` }}
      >
        <img src={image.preview_url} alt={getImageDescription(image)} />
        {boxes && <PublicBoxes image={image} />}
      </div>
      <div className="public-image-details">
        <p>
          {t.shows}:{" "}
          {image.classes.length === 0
            ? t.nothing
            : image.classes.map((name) => (
                <span key={name} className="tile-class">
                  <span className="dot" style={{ background: classColour(name) }} />
                  {name}
                </span>
              ))}
        </p>
        <p className="soft">
          {t.capturedAt}: {formatExact(image.captured_at, image.time_zone)}
        </p>
      </div>
    </>
  )
}
